import type { SessionProviders } from './session.ts'

/**
 * Tells the compiler once for all tasks what the option `sessions` of the background holds:
 *
 * ```ts
 * export const sessions = { db: pgSession(pool) }
 * declare module 'afterword' {
 *   interface Register {
 *     sessions: typeof sessions
 *   }
 * }
 * ```
 */
export interface Register {}

/** The providers that were told of; before that, any name with anything behind it. */
export type RegisteredSessions = Register extends { readonly sessions: infer P extends SessionProviders }
  ? P
  : SessionProviders
