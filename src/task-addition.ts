import type { Addition } from './engine/addition.ts'
import { AfterwordError } from './model/errors.ts'
import type { NewTask } from './model/task.ts'
import type { Added } from './ports/store.ts'
import { type Draft, refusal } from './task-draft.ts'
import { TaskTicket } from './task-ticket.ts'

/** What an addition asks of its background. */
export interface AdditionDesk {
  /** A draft left the buffer. */
  released(count: number): void
  /** A task is stored that nobody has claimed. */
  added(draft: Draft, added: Added): void
}

/** A task that another one's attempt has added. */
export class TaskAddition implements Addition {
  readonly task: NewTask
  readonly handle: TaskTicket
  readonly #draft: Draft
  readonly #desk: AdditionDesk

  constructor(draft: Draft, desk: AdditionDesk) {
    this.task = plainTask(draft)
    this.handle = new TaskTicket(draft.id)
    this.#draft = draft
    this.#desk = desk
  }

  stored(added: Added): void {
    this.#desk.released(1)
    this.#desk.added(this.#draft, added)
    this.handle.settle(refusal(this.#draft, added))
  }

  dropped(by: string): void {
    this.#desk.released(1)
    this.handle.settle(new AfterwordError('ADDED_BY_FAILED_ATTEMPT', { name: this.task.name, by }))
  }
}

/** Plain data alone: it may lie in a row of outcome until it is stored. */
function plainTask(draft: Draft): NewTask {
  const { id, name, queue, version, priority, dueAt, addedAt, input, durability, requestId, carried, idempotent } =
    draft
  const row = { id, name, queue, version, priority, dueAt, addedAt, input, durability, requestId, carried, idempotent }
  return { ...row, series: undefined, after: undefined, claimFor: undefined }
}
