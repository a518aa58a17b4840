import type { TaskState } from '../model/task-state.ts'
import type { TaskId } from '../model/task.ts'

/** One attempt that has ended. */
export interface LabAttempt {
  readonly id: TaskId
  /** The name of the task. */
  readonly name: string
  /** The input as it was added. */
  readonly input: unknown
  /** The number of the attempt; the first is 1. */
  readonly attempt: number
  /** Where it left the task: `scheduled` is a retry to come. `crashed`: the process died under it. */
  readonly state: TaskState | 'crashed'
  /** What it threw; an `AfterwordError` when it took too long, or when its result could not be stored. */
  readonly error: unknown
  /** When `state` is `scheduled`: milliseconds until the next attempt. */
  readonly retryInMs: number | undefined
}

/**
 * Something that failed: an attempt that ended with an error, unless the task asked for its next attempt by
 * `retryAfter`, or a function given to `defer` that threw.
 */
export interface LabFailure {
  readonly error: unknown
  /** Undefined for a deferred function. */
  readonly attempt: LabAttempt | undefined
}
