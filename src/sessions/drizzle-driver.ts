import type { OpenSession, SessionProvider, SessionSql } from '../model/session.ts'
import { openByCallback } from './by-callback.ts'
import { hasMethods, type Isolation } from './session-options.ts'

/** What sessions of Drizzle need of what lies below it. */
export interface DrizzleDriver {
  readonly traits: Pick<SessionProvider, 'size' | 'single' | 'file' | 'sqlite'>
  open(): Promise<OpenSession>
  /** Opens one without a transaction; by default that is the database itself. */
  openWithout?(): Promise<OpenSession>
  /** The way into a transaction, by what it runs on; undefined when none is open there. */
  sqlOf(client: unknown): SessionSql | undefined
}

/** A database or a transaction of Drizzle from the inside: fields that its declarations leave out, alike in every driver. */
export interface DrizzleInternals {
  readonly session: { readonly client: unknown }
  transaction(body: (tx: unknown) => Promise<void>, config?: { readonly isolationLevel: string }): Promise<unknown>
}

/** The same database, whose transactions are begun on another client. */
export function onClient(db: DrizzleInternals, client: unknown): DrizzleInternals {
  const session: unknown = Object.create(db.session, { client: { value: client } })
  return Object.create(db, { session: { value: session } }) as DrizzleInternals
}

/** A connection that is held for one transaction, and followed. */
export interface HeldConnection extends Required<Pick<OpenSession, 'sql'>> {
  readonly client: unknown
  readonly running: number
  /** Resolves when what runs has its answer. */
  settled(): Promise<void>
  /** Throws when there is no transaction to commit. */
  checkTransaction(): void
  /** Throws when the commit was none. */
  checkCommit(): void
  close(broken: boolean): Promise<void> | void
}

/**
 * Opens a session on a connection that is held already: Drizzle would leave the one that it takes out of the pool for good when
 * BEGIN fails, and tells nobody which one it has.
 */
export async function openOnHeld(
  db: DrizzleInternals,
  held: HeldConnection,
  isolation: Isolation,
): Promise<OpenSession> {
  const config = isolation === undefined ? undefined : { isolationLevel: isolation }
  try {
    const session = await openByCallback(
      (body: (tx: unknown) => Promise<void>) => onClient(db, held.client).transaction(body, config),
      (handle) => ({
        handle,
        sql: held.sql,
        running: () => held.running,
        close: (broken) => held.close(broken),
      }),
    )
    return {
      ...session,
      async commit() {
        held.checkTransaction()
        await Promise.resolve(session.commit()).catch(rejectAsDriver)
        held.checkCommit()
      },
      async rollback() {
        await held.settled()
        await Promise.resolve(session.rollback()).catch(rejectAsDriver)
      },
    }
  } catch (error) {
    await held.close(true)
    return rejectAsDriver(error)
  }
}

/** Whether it is a database of Drizzle, or a transaction of one. */
export function isDrizzle(given: unknown): given is DrizzleInternals {
  return hasMethods(given, 'transaction', 'select') && typeof (given as Partial<DrizzleInternals>).session === 'object'
}

/** With what the driver said: Drizzle puts the query and its values around it. */
async function rejectAsDriver(error: unknown): Promise<never> {
  const isWrapped = error instanceof Error && 'query' in error && error.cause instanceof Error
  throw isWrapped ? error.cause : error
}
