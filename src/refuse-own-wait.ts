import { AfterwordError } from './model/errors.ts'
import { ownSessions } from './sessions/own-sessions.ts'

/**
 * Refuses an add that would wait for the transaction of the very code that calls it: it holds the lock of the store's file.
 *
 * @throws SESSION_WAITS_FOR_ITSELF.
 */
export function refuseOwnWait({ name }: { readonly name: string }): void {
  const holding = ownSessions()?.holdingStore()
  if (holding !== undefined) throw new AfterwordError('SESSION_WAITS_FOR_ITSELF', { name, ...holding })
}
