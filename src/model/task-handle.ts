import type { TaskId } from './task.ts'

/**
 * A task by its identity, which knows the type of its result: what `background.add` returns, and what `background.result`
 * takes. The type is for the compiler only; the object holds the id, and a task of that id can be asked for by it alone.
 */
export interface TaskReference<Result = unknown> {
  readonly id: TaskId
  /** Carries the type; never there at run time. */
  readonly '~result'?: Result
}

/** What `tasks.add` returns: the identity at once, the durability as a promise. */
export interface TaskHandle<Result = unknown> extends TaskReference<Result> {
  /**
   * Resolves when the task is stored as durably as asked; rejects with a coded error when it was not stored
   * (`TASK_DROPPED`, `TASK_ID_TAKEN`, `STORE_FULL`, …). Ignoring it is safe: no unhandled rejection comes of it.
   */
  readonly committed: Promise<void>
}
