import type { ClaimedTask, Incarnation, TaskId } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { Presence } from '../ports/presence.ts'
import type { Store } from '../ports/store.ts'
import type { EventHub } from './event-hub.ts'
import type { Lane } from './lane.ts'
import type { Runner } from './runner.ts'

type Claim = Pick<ClaimedTask, 'id' | 'claims'>

/** What giving back needs of its worker. */
export interface HandBackParts {
  readonly store: Store
  readonly clock: Clock
  readonly hub: EventHub
  readonly lanes: ReadonlyMap<string, Lane>
  readonly runner: Runner
  self(): Incarnation | undefined
  presence(): Presence | undefined
  /** The store has failed for good: it takes nothing back. */
  failed(): boolean
  /** These claims are over: given back, cancelled in the place of that, or not this worker's any more. */
  over(claims: readonly Claim[]): void
  look(): void
}

/**
 * Gives claims back that this worker holds and will not run: what waits beyond its room, what was only there to keep
 * others away, and at the end all of them.
 */
export class HandBack {
  readonly #parts: HandBackParts
  /** To be given back, of the present incarnation. */
  #due: Claim[] = []
  /** Those that the store was asked to take back and has not answered for. */
  readonly #asked = new Set<readonly Claim[]>()

  constructor(parts: HandBackParts) {
    this.#parts = parts
  }

  /** The tasks that are to be given back and are not yet, as far as is known. */
  get due(): readonly TaskId[] {
    return [...this.#asked, this.#due].flatMap((claims) => claims.map(({ id }) => id))
  }

  /** A claim goes back with all those of this turn. */
  soon(claim: Claim): void {
    if (this.#due.push(claim) === 1) this.#parts.clock.soon(() => void this.dueNow())
  }

  /** The claims are others' now. */
  forget(): void {
    this.#due = []
  }

  /** Gives back what is due; what the store refuses now goes with the next upkeep. */
  async dueNow(): Promise<void> {
    const parts = this.#parts
    const claims = this.#due
    const worker = parts.self()
    if (claims.length === 0 || worker === undefined || parts.failed()) return
    this.#due = []
    try {
      await this.#give(worker, claims)
    } catch (error) {
      if (worker === parts.self()) this.#due.push(...claims)
      return parts.hub.emit('store:error', { error })
    }
    parts.over(claims)
    parts.look()
  }

  /** Gives back what waits beyond the room of its lane. */
  async surplus(): Promise<void> {
    const parts = this.#parts
    const worker = parts.self()
    if (worker === undefined || parts.failed()) return
    const surplus = [...parts.lanes.values()].flatMap((lane) => lane.surplus())
    if (surplus.length === 0) return
    try {
      await this.#give(worker, surplus)
    } catch (error) {
      // The store refused: all of it is ours still, and waits here again.
      if (worker === parts.self()) parts.runner.take(surplus)
      throw error
    }
    parts.over(surplus)
  }

  /** Gives everything back: the tasks that are ready again; undefined when the store refused, and the claims are in it still. */
  async all(): Promise<readonly TaskId[] | undefined> {
    const worker = this.#parts.self()
    if (worker === undefined) return []
    if (this.#parts.failed()) return undefined
    try {
      return await this.#give(worker, 'all')
    } catch (error) {
      this.#parts.hub.emit('store:error', { error })
      return undefined
    }
  }

  async #give(worker: Incarnation, claims: readonly Claim[] | 'all'): Promise<readonly TaskId[]> {
    if (claims !== 'all') this.#asked.add(claims)
    try {
      const back = await this.#parts.store.handBack(worker, claims, this.#parts.clock.now())
      if (back.length > 0) this.#parts.presence()?.ring()
      return back
    } finally {
      if (claims !== 'all') this.#asked.delete(claims)
    }
  }
}
