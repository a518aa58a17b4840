import type { ResponseTasks, Settled } from '../../src/http/response-tasks.ts'

/** The task list of one response in memory: the test says when it is stored, or that it cannot be. */
export class HeldTasks implements ResponseTasks {
  pending = true
  /** Every call, in order: `settle 201`, `close`. */
  readonly calls: string[] = []
  readonly isSettled = false
  readonly #settled = Promise.withResolvers<number>()
  readonly #stored = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<void>()

  constructor({ pending = true }: { pending?: boolean } = {}) {
    this.pending = pending
    this.#stored.promise.catch(() => undefined)
  }

  settle(status: number, settled: Settled): boolean {
    this.calls.push(`settle ${status}`)
    this.#settled.resolve(status)
    if (this.pending) this.#stored.promise.then(() => settled(undefined), settled)
    return this.pending
  }

  close(): void {
    this.calls.push('close')
    this.#closed.resolve()
  }

  /** Resolves to the status when the gate asks for the commit. */
  get settled(): Promise<number> {
    return this.#settled.promise
  }

  /** Resolves when the response has finished or its connection is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  commit(): void {
    this.pending = false
    this.#stored.resolve()
  }

  fail(error: Error): void {
    this.pending = false
    this.#stored.reject(error)
  }
}

/** A list that is stored one turn of the event loop after the gate asks, as a journal does it. */
export function tasksStoredSoon(): HeldTasks {
  const tasks = new HeldTasks()
  void tasks.settled.then(() => setImmediate(() => tasks.commit()))
  return tasks
}

/** A list that fails one turn of the event loop after the gate asks. */
export function tasksFailingSoon(error: Error): HeldTasks {
  const tasks = new HeldTasks()
  void tasks.settled.then(() => setImmediate(() => tasks.fail(error)))
  return tasks
}

/** An error as stores throw it. */
export function storeFull(): Error {
  return Object.assign(new Error('The disk of the store /srv/tasks.db is full'), {
    code: 'STORE_FULL',
    statusCode: 503,
    retryAfterSeconds: 10,
  })
}
