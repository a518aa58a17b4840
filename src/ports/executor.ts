import type { AbortReason, AnyTaskDefinition } from '../model/definition.ts'
import type { ClaimedTask, StoredValue } from '../model/task.ts'

/** One attempt to be made in a thread. Everything in it can cross: the input goes as the text that is stored. */
export interface IsolatedCall {
  readonly definition: AnyTaskDefinition
  readonly task: ClaimedTask
  /** For the result and for each progress value, in bytes as stored. */
  readonly resultBytesMax: number
}

/** Who hears what an attempt in a thread does. */
export interface IsolatedListener {
  /** `run` is about to be called: the thread is there and has loaded the module. */
  begun(): void
  progress(value: StoredValue): void
}

/** What `run` returned, as it will be stored. */
export interface IsolatedReturn {
  readonly result: StoredValue | undefined
  /** Why the result cannot be stored, when it cannot. */
  readonly unstorable: Error | undefined
}

/** One attempt in its thread. */
export interface IsolatedRun {
  /** Rejects with what `run` threw, or THREAD_…: what became of its thread. */
  readonly ended: Promise<IsolatedReturn>
  /** Aborts the signal over there. */
  abort(kind: AbortReason['kind']): void
  /** Ends its thread with whatever it is doing. */
  terminate(): void
}

/** Runs attempts beside the event loop, one at a time in each thread. */
export interface Executor {
  /** Threads there may be: the attempts that run at once. Nobody asks for more. */
  readonly size: number
  /**
   * Makes sure that a thread finds each of these definitions.
   *
   * @throws THREAD_MODULE_UNKNOWN, THREAD_MODULE_FAILED, THREAD_MODULE_SERVES, THREAD_TASK_NOT_FOUND, THREAD_TASK_AMBIGUOUS.
   */
  prove(definitions: readonly AnyTaskDefinition[]): Promise<void>
  run(call: IsolatedCall, listener: IsolatedListener): IsolatedRun
  /** Ends every thread; what still runs in one is cut off. */
  stop(): Promise<void>
}
