import type { TaskHandle } from './model/task-handle.ts'
import type { TaskId } from './model/task.ts'

/** A handle whose promise is made only when somebody asks for it. */
export class TaskTicket implements TaskHandle {
  readonly id: TaskId
  #settled = false
  #error: unknown
  #waiting: PromiseWithResolvers<void> | undefined

  constructor(id: TaskId) {
    this.id = id
  }

  get committed(): Promise<void> {
    if (this.#waiting === undefined) {
      this.#waiting = Promise.withResolvers<void>()
      // Whoever asked and does not look must not bring the process down.
      this.#waiting.promise.catch(() => {})
      if (this.#settled) this.#pass()
    }
    return this.#waiting.promise
  }

  /** Stored, or not for this reason. The first call counts. */
  settle(error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#error = error
    this.#pass()
  }

  #pass(): void {
    if (this.#error === undefined) this.#waiting?.resolve()
    else this.#waiting?.reject(this.#error)
  }
}
