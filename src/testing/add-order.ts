import type { Instant, NewTask } from '../model/task.ts'

/**
 * Keeps tasks in the order added. While the clock stands, many are added in one millisecond; the store gives those in the
 * order of their ids, which is the order of their creation only for ids that the library made. So a task with an id of
 * its own, and the one behind it, are each told apart by one millisecond more.
 */
export class AddOrder {
  #lastMs: Instant = 0
  #lastHadOwnId = false

  /** When the task counts as added: its own time, or little later. */
  addedAt(task: NewTask): Instant {
    const apart = task.idempotent || this.#lastHadOwnId ? 1 : 0
    this.#lastMs = Math.max(task.addedAt, this.#lastMs + apart)
    this.#lastHadOwnId = task.idempotent
    return this.#lastMs
  }
}
