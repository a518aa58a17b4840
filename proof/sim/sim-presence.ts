import type { Incarnation } from '../../src/model/task.ts'
import type { Presence } from '../../src/ports/presence.ts'
import type { SeededChance } from '../support/chance.ts'
import type { Timeline } from './timeline.ts'
import type { PresenceFaults } from './world.ts'

/** What presence asks of the process that it stands for. */
export interface PresenceHost {
  readonly dead: boolean
  /** Runs it when the process can hear it; never, when it is dead. */
  enter(callback: () => void): void
}

/** The machine that all processes share: who is there, and how rings travel. */
export class PresenceBus {
  readonly faults: PresenceFaults
  readonly #timeline: Timeline
  readonly #chance: SeededChance
  readonly #there = new Map<Incarnation, { readonly presence: SimPresence; readonly host: PresenceHost }>()
  /** Whose process died while it was there, until somebody buries it. */
  readonly #broken = new Set<Incarnation>()
  #healed = false

  constructor(faults: PresenceFaults, timeline: Timeline, chance: SeededChance) {
    this.faults = faults
    this.#timeline = timeline
    this.#chance = chance
  }

  /** From here on every ring arrives at once. */
  heal(): void {
    this.#healed = true
  }

  arrive(self: Incarnation, presence: SimPresence, host: PresenceHost): void {
    this.#there.set(self, { presence, host })
  }

  leave(self: Incarnation): void {
    this.#there.delete(self)
  }

  /** Its peers hear that the process has gone: its connections broke. */
  broke(self: Incarnation): void {
    this.#there.delete(self)
    this.#broken.add(self)
    for (const { presence, host } of this.#there.values()) {
      this.#carry(() => host.enter(() => presence.onGone(self)))
    }
  }

  ring(from: Incarnation, to?: Incarnation): void {
    for (const [peer, { presence, host }] of this.#there) {
      if (peer !== from && (to === undefined || peer === to)) this.#carry(() => host.enter(() => presence.onRing()))
    }
  }

  bury(peer: Incarnation): void {
    this.#broken.delete(peer)
  }

  /** Never says of a live one that it is dead: it knows nothing of one that has not arrived, or has left. */
  probe(peer: Incarnation): 'dead' | 'alive' | 'unknown' {
    if (!this.#healed && this.#chance.maybe(this.faults.unknown)) return 'unknown'
    if (this.#there.has(peer)) return 'alive'
    return this.#broken.has(peer) ? 'dead' : 'unknown'
  }

  #carry(deliver: () => void): void {
    const { lost, late, twice } = this.faults
    const { maybe, below, fraction } = this.#chance
    if (this.#healed) return void this.#timeline.after(fraction(), deliver)
    if (maybe(lost)) return
    this.#timeline.after(maybe(late) ? below(2_000) : fraction(), deliver)
    if (maybe(twice)) this.#timeline.after(below(500), deliver)
  }
}

/** How one process notices the others. It arrives anew with each incarnation. */
export class SimPresence implements Presence {
  onRing = (): void => {}
  onGone = (_peer: Incarnation): void => {}
  readonly #bus: PresenceBus
  readonly #host: PresenceHost
  #self: Incarnation | undefined

  constructor(bus: PresenceBus, host: PresenceHost) {
    this.#bus = bus
    this.#host = host
  }

  arrive(self: Incarnation): Promise<void> {
    if (!this.#host.dead) {
      this.#self = self
      this.#bus.arrive(self, this, this.#host)
    }
    return Promise.resolve()
  }

  ring(): void {
    if (this.#self !== undefined && !this.#host.dead) this.#bus.ring(this.#self)
  }

  ringOne(peer: Incarnation): void {
    if (this.#self !== undefined && !this.#host.dead) this.#bus.ring(this.#self, peer)
  }

  probe(peer: Incarnation): 'dead' | 'alive' | 'unknown' {
    return this.#bus.probe(peer)
  }

  bury(peer: Incarnation): void {
    if (!this.#host.dead) this.#bus.bury(peer)
  }

  leave(): Promise<void> {
    if (this.#self !== undefined && !this.#host.dead) this.#bus.leave(this.#self)
    this.#self = undefined
    return Promise.resolve()
  }

  breakOff(): Promise<void> {
    if (!this.#host.dead) this.died()
    return Promise.resolve()
  }

  /** The process has died: its peers notice. */
  died(): void {
    if (this.#self !== undefined) this.#bus.broke(this.#self)
    this.#self = undefined
  }
}
