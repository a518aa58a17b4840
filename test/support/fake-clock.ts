import type { Clock, Timer } from '../../src/ports/clock.ts'

interface Entry {
  readonly atMs: number
  readonly callback: () => void
}

/** Turns of the event loop without anything to do after which the engine is taken to rest. */
const QUIET_TURNS = 4

/**
 * A clock that stands still until a test moves it. Timers fire in the order in which they are due, each followed by as
 * many turns of the event loop as the engine wants. Right with a store in memory only: nothing waits for a real disk.
 */
export class FakeClock implements Clock {
  #wallMs = Date.UTC(2026, 0, 1)
  #monotonicMs = 0
  #pending = 0
  readonly #timers = new Set<Entry>()

  now(): number {
    return this.#wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  after(ms: number, callback: () => void): Timer {
    const entry = { atMs: this.#monotonicMs + ms, callback }
    this.#timers.add(entry)
    return { cancel: () => void this.#timers.delete(entry) }
  }

  soon(callback: () => void): void {
    this.#pending++
    setImmediate(() => {
      this.#pending--
      callback()
    })
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size
  }

  /** How far the timers that are set lie ahead, in milliseconds, the nearest first. */
  get ahead(): readonly number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.#monotonicMs).sort((a, b) => a - b)
  }

  /** Moves the wall clock alone, as an administrator does. */
  setWall(ms: number): void {
    this.#wallMs = ms
  }

  /** Lets time pass in which nothing runs, as for a process that was stopped: timers that are due fire late. */
  freeze(ms: number): void {
    this.#wallMs += ms
    this.#monotonicMs += ms
  }

  /** Resolves when the engine rests until time passes. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await turn()
      if (this.#pending > 0) quiet = -1
    }
  }

  /** Lets time pass, with all that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    await this.settle()
    const endMs = this.#monotonicMs + ms
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers.delete(next)
      this.freeze(Math.max(0, next.atMs - this.#monotonicMs))
      next.callback()
      await this.settle()
    }
    this.freeze(endMs - this.#monotonicMs)
  }

  /** Lets time pass until `work` has ended, however long that takes; gives what it gave. */
  async run<T>(work: Promise<T>): Promise<T> {
    const state = { over: false }
    const done = work.finally(() => (state.over = true))
    done.catch(() => undefined)
    await this.settle()
    while (!state.over) {
      const [aheadMs] = this.ahead
      if (aheadMs === undefined) throw new Error('Nothing is waited for, and yet the work has not ended.')
      await this.advance(Math.max(0, aheadMs))
    }
    return done
  }

  #next(endMs: number): Entry | undefined {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs)
    return due.reduce<Entry | undefined>(
      (first, entry) => (first === undefined || entry.atMs < first.atMs ? entry : first),
      undefined,
    )
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
