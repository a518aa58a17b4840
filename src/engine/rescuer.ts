import type { Incarnation, WorkerRecord } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { Presence } from '../ports/presence.ts'
import type { Store } from '../ports/store.ts'
import type { EventHub } from './event-hub.ts'

/** What a rescuer needs of its worker. */
export interface RescuerParts {
  readonly store: Store
  readonly clock: Clock
  readonly hub: EventHub
  /** What is taken for the lease of a worker that did not say, and how long this process may look away. */
  readonly leaseMs: number
  self(): Incarnation | undefined
  presence(): Presence | undefined
  /** Claims of a dead worker became ready in these queues. */
  rescued(queues: ReadonlySet<string>): void
}

/** Sweeps are a second apart at most while this process is well: a shorter gap is none, however short a lease is. */
const GAP_MS = 2_000

/**
 * Takes back the claims of the dead. Two signs of death count: the machine says that the process is gone, which is
 * certain and instant; or its beat has stood still for its whole lease, seen by this process's own monotonic clock. The
 * lease is the observed worker's own, for it knows how often it beats. No wall clock is compared, so none can kill a worker. The rescue itself is guarded and safe to repeat: a wrong one
 * costs a repeated attempt, never a wrong result.
 */
export class Rescuer {
  readonly #parts: RescuerParts
  readonly #seen = new Map<Incarnation, { readonly beat: number; sinceMs: number; spared: boolean }>()
  #lastSweepMs: number | undefined
  #sweeping: Promise<void> | undefined

  constructor(parts: RescuerParts) {
    this.#parts = parts
  }

  /** Looks at one worker: its connection broke. */
  async look(peer: Incarnation): Promise<void> {
    try {
      if (this.#parts.presence()?.probe(peer) === 'dead') await this.#rescue(peer)
    } catch (error) {
      this.#parts.hub.emit('store:error', { error })
    }
  }

  /** Looks at every registered worker. Calls during a sweep share it. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => this.#parts.hub.emit('store:error', { error }))
      .finally(() => (this.#sweeping = undefined))
    return this.#sweeping
  }

  async #sweep(): Promise<void> {
    const { store, clock } = this.#parts
    const self = this.#parts.self()
    const others = (await store.workers()).filter((worker) => worker.incarnation !== self)
    const nowMs = clock.monotonicMs()
    const gapMs = nowMs - (this.#lastSweepMs ?? nowMs)
    this.#lastSweepMs = nowMs
    const silent: Incarnation[] = []
    for (const worker of others) {
      if (this.#parts.presence()?.probe(worker.incarnation) === 'dead') await this.#rescue(worker.incarnation)
      else if (this.#isSilent(worker, nowMs, gapMs)) silent.push(worker.incarnation)
    }
    this.#forget(others)
    // Many that fall silent at once are one event of the store or of this machine, not many deaths: wait once more.
    if (silent.length > 2 && silent.length * 2 > others.length && this.#spare(silent, nowMs)) return
    for (const incarnation of silent) await this.#rescue(incarnation)
  }

  /** Gives another lease to those that have not had one since their last beat. False when all had it. */
  #spare(silent: readonly Incarnation[], nowMs: number): boolean {
    const entries = silent.flatMap((incarnation) => this.#seen.get(incarnation) ?? [])
    if (entries.every((entry) => entry.spared)) return false
    for (const entry of entries) Object.assign(entry, { sinceMs: nowMs, spared: true })
    return true
  }

  #isSilent(worker: WorkerRecord, nowMs: number, gapMs: number): boolean {
    const own = this.#parts.leaseMs
    const leaseMs = worker.leaseMs ?? own
    // A process that did not look for half a lease (stopped, suspended, a blocked loop) has seen nothing stand still.
    const lookedAway = gapMs > Math.max(leaseMs / 2, Math.min(own / 2, GAP_MS))
    const seen = this.#seen.get(worker.incarnation)
    if (seen?.beat === worker.beat && !lookedAway) return nowMs - seen.sinceMs > leaseMs
    this.#seen.set(worker.incarnation, { beat: worker.beat, sinceMs: nowMs, spared: false })
    return false
  }

  #forget(others: readonly WorkerRecord[]): void {
    const live = new Set(others.map((worker) => worker.incarnation))
    for (const incarnation of this.#seen.keys()) if (!live.has(incarnation)) this.#seen.delete(incarnation)
  }

  async #rescue(dead: Incarnation): Promise<void> {
    if (dead === this.#parts.self()) return
    const { requeued, quarantined, ready } = await this.#parts.store.rescue(dead, this.#parts.clock.now())
    this.#parts.presence()?.bury(dead)
    this.#parts.hub.emit('worker:rescued', { worker: dead, requeued, quarantined })
    if (ready.size > 0) this.#parts.rescued(ready)
  }
}
