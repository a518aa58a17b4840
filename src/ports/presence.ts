import type { Incarnation } from '../model/task.ts'

/**
 * How workers that share a store on one machine notice each other: who is alive, and who should look at the store.
 * All of it is a hint; the lease in the store and the guard on every write are the truth.
 */
export interface Presence {
  /** Says that this incarnation is here, and begins to listen. Death of the process ends it without any call. */
  arrive(self: Incarnation, peers: readonly Incarnation[]): Promise<void>
  /** Asks the others to look at the store. Never throws, never waits. */
  ring(): void
  /** Tells one peer only. Never throws, never waits. */
  ringOne(peer: Incarnation): void
  /** `dead` is certain (its process is gone); `alive` may be a stopped process; `unknown` cannot tell. */
  probe(peer: Incarnation): 'dead' | 'alive' | 'unknown'
  /** Removes what a dead peer left behind. Never throws. */
  bury(peer: Incarnation): void
  /** Leaves no file, socket, timer or listener behind. */
  leave(): Promise<void>
  /**
   * Ends as the death of the process would end it: every `probe` says `dead` from then on, and peers notice at once. For an
   * incarnation that is still in the store, so that they rescue its claims without waiting for its lease.
   */
  breakOff(): Promise<void>
  /** Set by the engine: somebody rang. */
  onRing: () => void
  /** Set by the engine: a peer's connection broke; probe it. */
  onGone: (peer: Incarnation) => void
}
