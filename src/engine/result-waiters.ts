import type { TaskId } from '../model/task.ts'

/** Those who wait for the end of a task that runs here. */
export class ResultWaiters {
  readonly #waiting = new Map<TaskId, Set<() => void>>()

  has(id: TaskId): boolean {
    return this.#waiting.size > 0 && this.#waiting.has(id)
  }

  /** Calls back at the next end of an attempt of `id`; the returned function takes it back. */
  add(id: TaskId, callback: () => void): () => void {
    const callbacks = this.#waiting.get(id) ?? new Set()
    this.#waiting.set(id, callbacks.add(callback))
    return () => {
      callbacks.delete(callback)
      if (callbacks.size === 0) this.#waiting.delete(id)
    }
  }

  notify(id: TaskId): void {
    // Asked after every attempt, and mostly nobody waits for anything.
    if (this.#waiting.size === 0) return
    for (const callback of this.#waiting.get(id) ?? []) callback()
  }

  notifyAll(): void {
    for (const id of this.#waiting.keys()) this.notify(id)
  }
}
