import type { AbortReason, AnyTaskDefinition } from '../model/definition.ts'
import type { ClaimedTask, Durability, NewTask, StoredValue } from '../model/task.ts'
import type { Keeping } from './keeping.ts'

/** What an attempt in an isolate may add, and how: no background is there that could be asked. */
export interface AddingRules {
  /** Of the definitions that the background knows. */
  readonly names: readonly string[]
  readonly inputBytesMax: number
  /** Where the add does not say. */
  readonly durability: Durability
  /** Tasks that one attempt may hold until its end. */
  readonly bufferMax: number
  /** Unfinished tasks in the store as the attempt begins, and how many there may be. */
  readonly live: number
  readonly backlogMax: number
}

/** One attempt to be made in an isolate: a worker thread or a child process. Everything in it can cross: the input goes as the text that is stored. */
export interface IsolatedCall {
  readonly definition: AnyTaskDefinition
  readonly task: ClaimedTask
  /** For the result and for each progress value, in bytes as stored. */
  readonly resultBytesMax: number
  readonly adding: AddingRules
  /** The file of the store, when it is one of SQLite: a session there keeps the process from writing. */
  readonly storeFile: string | undefined
}

/** Who hears what an attempt in an isolate does. */
export interface IsolatedListener {
  /** `run` is about to be called: the isolate is there and has loaded the module. */
  begun(): void
  progress(value: StoredValue): void
  /** What the attempt keeps for later ones of its task. */
  readonly keeping?: Keeping | undefined
  /** `run` is over, and the sessions that it had are ended. */
  closing(): void
}

/** What `run` returned, as it will be stored; or what an earlier attempt did, when that had committed its session. */
export interface IsolatedReturn {
  readonly kind: 'returned'
  readonly result: StoredValue | undefined
  /** Why the result cannot be stored, when it cannot. */
  readonly unstorable: Error | undefined
  /** To be stored with the success. */
  readonly adds: readonly NewTask[]
}

/** How an attempt ended over there. */
export type IsolatedEnd =
  | IsolatedReturn
  /** Nobody knows whether its session was committed: the next attempt finds out, and this one costs none. */
  | { readonly kind: 'unsettled'; readonly error: Error }

/** One attempt in its isolate. */
export interface IsolatedRun {
  /** Rejects with what `run` threw, or what became of its isolate: THREAD_…, PROCESS_…, TASK_…. */
  readonly ended: Promise<IsolatedEnd>
  /** Aborts the signal over there. */
  abort(kind: AbortReason['kind']): void
  /** Ends its isolate with whatever it is doing. Resolves when that is gone, and all that it held is free. */
  terminate(): Promise<void>
}

/** Runs attempts beside the event loop, one at a time in each isolate. */
export interface Executor {
  /** Isolates there may be: the attempts that run at once. Nobody asks for more. */
  readonly size: number
  /**
   * Makes sure that each of these definitions is found in an isolate of its kind.
   *
   * @throws TASK_MODULE_UNKNOWN, TASK_MODULE_FAILED, TASK_MODULE_SERVES, TASK_MODULE_TIMEOUT, TASK_NOT_IN_MODULE, TASK_AMBIGUOUS,
   *   PROCESS_NOT_STARTED.
   */
  prove(definitions: readonly AnyTaskDefinition[]): Promise<void>
  run(call: IsolatedCall, listener: IsolatedListener): IsolatedRun
  /** Ends every isolate; what still runs in one is cut off. */
  stop(): Promise<void>
}
