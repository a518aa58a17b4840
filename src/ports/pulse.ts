import type { Incarnation } from '../model/task.ts'

/** What keeps a worker's lease beside the event loop, and watches that loop. */
export interface Pulse {
  /** True while it keeps the lease; false: not yet, or not any more, so whoever owns the worker has to. */
  readonly keepsLease: boolean
  /** Begins, a moment later. Twice is once. */
  start(): void
  /** From now on this is the worker to keep alive; undefined: none. */
  keep(worker: Incarnation | undefined): void
  /** Something begins that may block the loop. Costs next to nothing: called for every attempt and every request. */
  active(): void
  /** The loop has taken a turn: to be called now and then, whatever it does. */
  turned(): void
  /** For how many milliseconds the loop had stood still when that worker's claims were given to others for it; undefined: they were not. */
  gaveUpMs(worker: Incarnation): number | undefined
  /** Lets go of its thread and of its connection to the store. */
  stop(): Promise<void>
}

/** Who hears what a pulse finds. */
export interface PulseListener {
  /** It keeps the lease and watches the loop from here on. */
  began(): void
  /** The store has heard that the worker lives. */
  beaten(): void
  /** That worker was declared dead, by others or by this pulse. */
  fenced(worker: Incarnation): void
  /** It has ended before its time. */
  failed(error: unknown): void
}
