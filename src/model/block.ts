import type { TaskId } from './task.ts'

/** Whose code kept the event loop from turning, as far as it could be seen. */
export interface Culprit {
  /** `task`: an attempt on the event loop. `request`: code below the handler of a request. `unknown`: neither, or it could not be seen. */
  readonly by: 'task' | 'request' | 'unknown'
  /** The name of the task's definition. */
  readonly name: string | undefined
  /** `file:line:column` in the application's code, where it was executing; the file relative to the working directory. */
  readonly place: string | undefined
  /** The function there. */
  readonly function: string | undefined
}

/** The event loop stood still: nothing was answered and nothing else ran meanwhile. */
export interface Block extends Culprit {
  /** For how long, in milliseconds. */
  readonly ms: number
  /** The task, when it is certain: its attempt was the only one of its definition, or had only just been called. */
  readonly taskId: TaskId | undefined
  readonly requestId: string | undefined
  /** Blocks of the same culprit since the last report of it, this one included. */
  readonly times: number
}

/** All blocks of one culprit since the background was made. */
export interface BlockCount extends Culprit {
  readonly times: number
  readonly longestMs: number
  readonly totalMs: number
}
