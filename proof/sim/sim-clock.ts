import type { Instant } from '../../src/model/task.ts'
import type { Clock, Timer } from '../../src/ports/clock.ts'
import type { Entry, Timeline } from './timeline.ts'

/** True time zero, on every wall clock that is right. */
export const EPOCH_MS = Date.UTC(2026, 0, 1)

/** What a clock asks of its process: it may be dead, or hear nothing for a while. */
export interface ClockHost {
  /** Runs it when the process can hear it; never, when it is dead. */
  enter(callback: () => void): void
  /** A timer of the engine has fired: the process may die of it. */
  timerFired(): void
}

/**
 * The clocks of one process: a wall clock that may be wrong and jump, and a monotonic one that goes on at a rate of its own.
 * Callbacks of a turn come a moment later, each a little after the one before, so that the processes take turns in
 * an order that chance decides.
 */
export class SimClock implements Clock {
  wallOffsetMs: number
  readonly #timeline: Timeline
  readonly #host: ClockHost
  readonly #rate: number
  readonly #bornMs: number
  readonly #fraction: () => number
  readonly #timers = new Set<Entry>()
  #soonMs = 0

  constructor(timeline: Timeline, host: ClockHost, rate: number, wallOffsetMs: number, fraction: () => number) {
    this.#timeline = timeline
    this.#host = host
    this.#rate = rate
    this.wallOffsetMs = wallOffsetMs
    this.#bornMs = timeline.nowMs
    this.#fraction = fraction
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size
  }

  now(): Instant {
    return Math.floor(EPOCH_MS + this.#timeline.nowMs + this.wallOffsetMs)
  }

  monotonicMs(): number {
    return (this.#timeline.nowMs - this.#bornMs) * this.#rate
  }

  after(ms: number, callback: () => void): Timer {
    // As Node does it: whole milliseconds, at least one.
    const entry = this.#timeline.after(Math.max(1, Math.trunc(ms)) / this.#rate, () => {
      this.#host.enter(() => {
        // It may have been cancelled while the process could not hear it.
        if (!this.#timers.delete(entry)) return
        this.#host.timerFired()
        this.#host.enter(callback)
      })
    })
    this.#timers.add(entry)
    return {
      cancel: () => {
        this.#timers.delete(entry)
        entry.callback = undefined
      },
    }
  }

  soon(callback: () => void): void {
    this.#soonMs = Math.max(this.#soonMs, this.#timeline.nowMs) + this.#fraction() * 0.1
    this.#timeline.at(this.#soonMs, () => this.#host.enter(callback))
  }
}
