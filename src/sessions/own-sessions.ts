import { AsyncLocalStorage } from 'node:async_hooks'

/** Sessions of the attempt or request whose code is running. */
export interface OwnSessions {
  /** The one that holds the lock of the store's file, by name, and whose it is; undefined when none does. */
  holdingStore(): { readonly session: string; readonly owner: string } | undefined
}

const storage = new AsyncLocalStorage<OwnSessions>()

/** From here on, in this turn and in all that it awaits, these are the sessions of the code that runs. */
export function enterSessions(sessions: OwnSessions): void {
  storage.enterWith(sessions)
}

/** The sessions of the code that runs, if it has asked for any. */
export function ownSessions(): OwnSessions | undefined {
  return storage.getStore()
}
