import type { Addition } from './engine/addition.ts'
import { AfterwordError } from './model/errors.ts'
import type { NewTask } from './model/task.ts'
import type { Added } from './ports/store.ts'
import { refusal } from './task-draft.ts'
import { TaskTicket } from './task-ticket.ts'

/** Whom an addition tells of its end. */
export interface BufferDesk {
  /** A task left the buffer. */
  released(count: number): void
  /** A task is stored that nobody has claimed. */
  added(task: NewTask, added: Added): void
}

/** A task that another one's attempt has added. */
export class TaskAddition implements Addition {
  readonly task: NewTask
  readonly handle: TaskTicket
  readonly #desk: BufferDesk

  constructor(task: NewTask, desk: BufferDesk) {
    this.task = task
    this.handle = new TaskTicket(task.id)
    this.#desk = desk
  }

  stored(added: Added): void {
    this.#desk.released(1)
    this.#desk.added(this.task, added)
    this.handle.settle(refusal(this.task, added))
  }

  dropped(by: string): void {
    this.#desk.released(1)
    this.handle.settle(new AfterwordError('ADDED_BY_FAILED_ATTEMPT', { name: this.task.name, by }))
  }
}
