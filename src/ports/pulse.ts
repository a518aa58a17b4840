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
  /** Lets go of its thread and of its connection to the store. */
  stop(): Promise<void>
}

/** Who hears what a pulse finds. */
export interface PulseListener {
  /** It keeps the lease and watches the loop from here on. */
  began(): void
  /** The store has heard that the worker lives. */
  beaten(): void
  /** Others have declared that worker dead. */
  fenced(worker: Incarnation): void
  /** The loop stood still for so long that the worker's claims were given to others, on purpose. */
  gaveUp(worker: Incarnation, stillMs: number): void
  /** It has ended before its time. */
  failed(error: unknown): void
}
