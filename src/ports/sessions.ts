import type { AnyTaskDefinition } from '../model/definition.ts'
import type { SessionProviders, Sessions } from '../model/session.ts'
import type { ClaimedTask, Success } from '../model/task.ts'
import type { Joined } from './store.ts'

/** What became of the sessions of an attempt whose `run` has resolved. */
export type SessionEnd =
  /** Committed, and the success is in the store with them. */
  | { readonly kind: 'recorded'; readonly joined: Joined }
  /** Committed; the success is still to be recorded. It may be that of an earlier attempt. */
  | { readonly kind: 'committed'; readonly outcome: Success }
  /** Rolled back: the attempt has failed. `free`: nobody knows, and the next attempt finds out; it costs none. */
  | { readonly kind: 'failed'; readonly error: Error; readonly free: boolean }
  /** Rolled back: another worker has the task. */
  | { readonly kind: 'lost' }

/** The database sessions of one attempt: opened when they are first asked for, ended with it. */
export interface AttemptSessions {
  /** What `run` sees of them. */
  readonly handles: Sessions<SessionProviders>
  /** The one that holds the lock of the store's file, and whose it is; undefined when none does. */
  holdingStore(): { readonly session: string; readonly owner: string } | undefined
  /** `run` has resolved: commits, with the outcome where that can be. Closes all of them. */
  succeed(outcome: Success): Promise<SessionEnd>
  /** The attempt has not succeeded: rolls back and closes. Gives the outcome of an earlier attempt that had, if one was found. */
  fail(): Promise<Success | undefined>
  /** Nobody waits for the attempt any more: refuses further use at once, and rolls back as soon as that can be. Resolves when it is done. */
  abandon(): Promise<void>
}

/** Makes the sessions of an attempt. Nothing is opened yet. */
export interface SessionMaker {
  forAttempt(task: ClaimedTask, definition: Pick<AnyTaskDefinition, 'sessions'>): AttemptSessions
  /** An attempt in an isolate has used sessions of that definition. It cannot ask the store which rows of outcome are of no more use. */
  usedInIsolate(definition: Pick<AnyTaskDefinition, 'sessions'>): void
}
