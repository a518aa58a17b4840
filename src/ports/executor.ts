import type { AbortReason, AnyTaskDefinition } from '../model/definition.ts'
import type { ClaimedTask, StoredValue } from '../model/task.ts'
import type { Keeping } from './keeping.ts'

/** One attempt to be made in an isolate: a worker thread or a child process. Everything in it can cross: the input goes as the text that is stored. */
export interface IsolatedCall {
  readonly definition: AnyTaskDefinition
  readonly task: ClaimedTask
  /** For the result and for each progress value, in bytes as stored. */
  readonly resultBytesMax: number
}

/** Who hears what an attempt in an isolate does. */
export interface IsolatedListener {
  /** `run` is about to be called: the isolate is there and has loaded the module. */
  begun(): void
  progress(value: StoredValue): void
  /** What the attempt keeps for later ones of its task. */
  readonly keeping?: Keeping | undefined
}

/** What `run` returned, as it will be stored. */
export interface IsolatedReturn {
  readonly result: StoredValue | undefined
  /** Why the result cannot be stored, when it cannot. */
  readonly unstorable: Error | undefined
}

/** One attempt in its isolate. */
export interface IsolatedRun {
  /** Rejects with what `run` threw, or what became of its isolate: THREAD_…, PROCESS_…, TASK_…. */
  readonly ended: Promise<IsolatedReturn>
  /** Aborts the signal over there. */
  abort(kind: AbortReason['kind']): void
  /** Ends its isolate with whatever it is doing. */
  terminate(): void
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
