import type { Block } from './block.ts'
import type { AfterwordError } from './errors.ts'
import type { Lack } from './lack.ts'
import type { TaskState } from './task-state.ts'
import type { Incarnation, StoredError, TaskId } from './task.ts'

/** A task as events and log lines name it. */
export interface TaskFacts {
  readonly id: TaskId
  readonly name: string
  readonly queue: string
  readonly requestId: string | undefined
}

/** An attempt as events and log lines name it. */
export interface AttemptFacts extends TaskFacts {
  /** The number of the attempt; the first is 1. */
  readonly attempt: number
  readonly worker: Incarnation
}

/** What `stop()` did with the work it found. */
export interface StopAccount {
  /** Attempts that ended by themselves while the background was stopping. */
  readonly finished: number
  /** Claims given back unharmed: other workers, or the next start, run them; no attempt is spent. */
  readonly handedBack: readonly TaskId[]
  /** Attempts that ignored their signal: handed back too, but their function may still be running in this process. */
  readonly abandoned: readonly AttemptFacts[]
  /** Tasks that the store did not take back, as it failed or refused: other workers, or the next start, find them and run them. */
  readonly leftToRescue: readonly TaskId[]
  /** Deferred functions that had not ended; they die with the process. */
  readonly deferred: number
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly attempt: AttemptFacts
  readonly state: TaskState
  readonly error: StoredError | undefined
  /** What `error` was made from, as it was thrown: for error reporters. */
  readonly thrown: unknown
  readonly ranMs: number
  /** When `state` is `scheduled`: milliseconds until the next attempt. */
  readonly retryInMs: number | undefined
}

/** Every event of a background. All of them fire after the store has it, unless said otherwise. */
export interface BackgroundEvents {
  /** A task is stored. Not fired for an idempotent id that was there already. */
  'task:added': { readonly task: TaskFacts; readonly state: TaskState }
  /** A response's status did not keep a task; it was never stored. */
  'task:dropped': { readonly task: TaskFacts; readonly status: number; readonly on: string }
  /** An attempt is about to call `run`. Its claim is stored. */
  'attempt:start': { readonly attempt: AttemptFacts; readonly waitedMs: number }
  /** An attempt ended and its outcome is stored. `state` tells a retry (`scheduled`) from the last failure (`failed`). */
  'attempt:end': AttemptEnd
  /** The same, for attempts that ended with an error only: what an error reporter wants. */
  'attempt:failed': AttemptEnd
  /** An attempt went on after its signal had aborted; its place was given to others and its outcome will not count. */
  'attempt:abandoned': { readonly attempt: AttemptFacts; readonly reason: string }
  /** An attempt ended but its claim belonged to another worker by then; nothing of it was stored. */
  'claim:lost': { readonly attempt: AttemptFacts }
  /** A progress value was given. Fires before it is stored. */
  'attempt:progress': { readonly attempt: AttemptFacts; readonly value: unknown }
  /** A function given to `defer` threw. */
  'defer:failed': { readonly error: unknown; readonly requestId: string | undefined }
  /** This process is registered in the store and takes tasks. */
  'worker:registered': { readonly worker: Incarnation; readonly store: string }
  /** This process was declared dead and has registered anew; its former attempts no longer count. */
  'worker:fenced': {
    readonly worker: Incarnation
    readonly lost: readonly TaskId[]
    /** When it gave its tasks away by itself: for how many milliseconds its event loop had stood still. */
    readonly stillMs: number | undefined
  }
  /** The claims of a dead worker were taken back. */
  'worker:rescued': {
    readonly worker: Incarnation
    readonly requeued: readonly TaskId[]
    readonly quarantined: readonly TaskId[]
  }
  /**
   * Ready tasks wait that no registered worker can run, for want of a `worker` that runs tasks, of one that serves the `queue`,
   * knows the `name`, or knows it in that `version`. Fires once when that begins, within a minute.
   */
  'task:unknown': { readonly name: string; readonly queue: string; readonly version: number; readonly lack: Lack }
  /** That is over, within seconds: a worker for them has come, or none of them is ready any more. */
  'task:known': { readonly name: string; readonly queue: string; readonly version: number }
  /** The event loop stood still for longer than `blockedAfter`, and turns again. At most one in ten seconds for each culprit. */
  'loop:blocked': Block
  /** A task with `onBlock: 'thread'` has blocked the event loop so often: its attempts run in threads from here on. */
  'task:moved': { readonly name: string; readonly times: number }
  /** More attempts may run at once than a provider of sessions has connections: they will wait for each other. Once in a start. */
  'session:pool-small': {
    readonly session: string
    /** How many sessions can be open at once. */
    readonly size: number
    /** How many attempts may run at once in this process, in all queues together. */
    readonly concurrency: number
  }
  /** The pulse thread keeps the lease and watches the event loop from here on. */
  'pulse:started': object
  /** The pulse thread has ended before its time: the lease is kept on the event loop, and nothing watches that any more. */
  'pulse:failed': { readonly error: unknown }
  /** A write did not go through; what was acknowledged is kept, outcomes are written again. */
  'store:error': { readonly error: unknown }
  /** The store stopped for good after an input/output error. */
  'store:failed': { readonly error: AfterwordError }
  /** The background has stopped. */
  stopped: StopAccount
}

/** The name of an event. */
export type EventName = keyof BackgroundEvents
