import type { Instant } from '../model/task.ts'

/** A timer that was set. */
export interface Timer {
  cancel(): void
}

/** Time, handed in. Stored times use `now`, durations use `monotonicMs`: a wall clock may jump. */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. */
  now(): Instant
  /** Milliseconds since some fixed point; never goes back. */
  monotonicMs(): number
  /** Calls back once after `ms`. `keepAlive` false lets the process end before it. */
  after(ms: number, callback: () => void, keepAlive?: boolean): Timer
  /** Calls back after the I/O of the current turn of the event loop. */
  soon(callback: () => void): void
}
