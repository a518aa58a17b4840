import type { Instant } from '../model/task.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { systemClock } from '../ports/system.ts'

/** Turns of the event loop without anything to do after which the engine is taken to rest. */
const QUIET_TURNS = 4

const NO_TIMER: Timer = { cancel() {} }
const GOES_ON = (): Promise<boolean> => Promise.resolve(true)

interface Entry {
  readonly atMs: Instant
  readonly callback: () => void
}

/**
 * A clock that stands still until somebody moves it. Timers fire in the order in which they are due, each followed by as
 * many turns of the event loop as the engine wants; one that is due at once needs no move. Turns are real: the test's
 * own I/O, and that of its tasks, goes on while the clock stands.
 */
export class LabClock implements Clock {
  #nowMs: Instant
  /** Where the clock is being moved to. */
  #endMs: Instant
  readonly #startMs: Instant
  readonly #timers = new Set<Entry>()
  /** Calls of the next turn that have not been made. */
  #pending = 0

  constructor(startMs: Instant) {
    this.#nowMs = startMs
    this.#endMs = startMs
    this.#startMs = startMs
  }

  now(): Instant {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs
  }

  after(ms: number, callback: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(0, ms), callback }
    this.#timers.add(entry)
    if (ms <= 0) this.soon(() => this.#fire(entry))
    return { cancel: () => void this.#timers.delete(entry) }
  }

  soon(callback: () => void): void {
    this.#pending++
    systemClock.soon(() => {
      this.#pending--
      callback()
    })
  }

  /** How much time is known to pass, in milliseconds: the rest of a move under way. */
  get aheadMs(): number {
    return Math.max(0, this.#endMs - this.#nowMs)
  }

  /** Resolves when the engine rests until time passes, or until something outside of it happens. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await new Promise<void>((resolve) => systemClock.soon(resolve))
      if (this.#pending > 0) quiet = -1
    }
  }

  /**
   * Lets time pass until that instant, with all that falls due on the way.
   *
   * @param goesOn  awaited before each step; when it gives false, time stops there.
   */
  async advanceTo(endMs: Instant, goesOn: () => Promise<boolean> = GOES_ON): Promise<void> {
    this.#endMs = Math.max(this.#endMs, endMs)
    await this.settle()
    while (await goesOn()) {
      const next = this.#next()
      if (next === undefined || next.atMs > endMs) {
        this.#nowMs = Math.max(this.#nowMs, endMs)
        break
      }
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      this.#fire(next)
      await this.settle()
    }
    this.#endMs = this.#nowMs
  }

  /** Lets time pass until `work` has ended, however long that takes; gives what it gave. */
  async runUntil<T>(work: Promise<T>): Promise<T> {
    const state = { over: false }
    const end = (): void => void (state.over = true)
    work.then(end, end)
    await this.settle()
    for (let next = this.#next(); !state.over && next !== undefined; next = this.#next()) {
      await this.advanceTo(next.atMs)
    }
    return work
  }

  #fire(entry: Entry): void {
    if (this.#timers.delete(entry)) entry.callback()
  }

  #next(): Entry | undefined {
    let next: Entry | undefined
    for (const entry of this.#timers) if (next === undefined || entry.atMs < next.atMs) next = entry
    return next
  }
}

/** The same clock as one process sees it. When the process dies, nothing that it waited for happens any more. */
export class ProcessClock implements Clock {
  readonly #clock: LabClock
  #dead = false

  constructor(clock: LabClock) {
    this.#clock = clock
  }

  now(): Instant {
    return this.#clock.now()
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  after(ms: number, callback: () => void): Timer {
    return this.#dead ? NO_TIMER : this.#clock.after(ms, () => this.#call(callback))
  }

  soon(callback: () => void): void {
    if (!this.#dead) this.#clock.soon(() => this.#call(callback))
  }

  die(): void {
    this.#dead = true
  }

  #call(callback: () => void): void {
    if (!this.#dead) callback()
  }
}
