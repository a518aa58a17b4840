import type { Incarnation, WorkerRegistration } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { Presence } from '../ports/presence.ts'
import type { Pulse } from '../ports/pulse.ts'
import type { Store } from '../ports/store.ts'
import type { EventHub } from './event-hub.ts'

/** What a registration needs of its worker. */
export interface RegistrationParts {
  readonly store: Store
  readonly clock: Clock
  readonly hub: EventHub
  readonly pulse?: Pulse | undefined
  registration(): WorkerRegistration
  presence(): Presence
  /** Somebody rang. */
  onRing(): void
  /** The connection to a peer broke. */
  onGone(peer: Incarnation): void
}

/** As whom a worker stands in the store, and its presence among the others. An incarnation that is lost never comes back. */
export class Registration {
  readonly #parts: RegistrationParts
  #incarnation: Incarnation | undefined
  #presence: Presence | undefined

  constructor(parts: RegistrationParts) {
    this.#parts = parts
  }

  /** Undefined before it is registered, after it was declared dead, and after its end. */
  get incarnation(): Incarnation | undefined {
    return this.#incarnation
  }

  get presence(): Presence | undefined {
    return this.#presence
  }

  /** Registers as a new incarnation and meets the others. Rejects with the store's error. */
  async enter(): Promise<void> {
    const { store, hub } = this.#parts
    await this.#presence?.leave()
    const incarnation = await store.register(this.#parts.registration())
    const presence = this.#parts.presence()
    presence.onRing = () => this.#parts.onRing()
    presence.onGone = (peer) => this.#parts.onGone(peer)
    const peers = (await store.workers()).map((worker) => worker.incarnation).filter((peer) => peer !== incarnation)
    await presence.arrive(incarnation, peers)
    this.#presence = presence
    this.#incarnation = incarnation
    this.#parts.pulse?.keep(incarnation)
    hub.emit('worker:registered', { worker: incarnation, store: store.url })
  }

  /** Others have declared this incarnation dead: gives it, or undefined when it was lost before. */
  lose(): Incarnation | undefined {
    const former = this.#incarnation
    this.#incarnation = undefined
    this.#parts.pulse?.keep(undefined)
    return former
  }

  /**
   * Leaves the store and the others. With claims in the store the row stays there too, and the others are to take it for dead:
   * they rescue only whom they find registered.
   */
  async leave(holdsClaims: boolean): Promise<void> {
    this.#parts.pulse?.keep(undefined)
    const isGone = !holdsClaims && (await this.#retire())
    this.#incarnation = undefined
    // Rings go out at the end of the turn: the others must hear of what was given back.
    await new Promise<void>((resolve) => this.#parts.clock.soon(resolve))
    await (isGone ? this.#presence?.leave() : this.#presence?.breakOff())
  }

  /** False when the store refused, which must not keep a process from stopping. */
  async #retire(): Promise<boolean> {
    if (this.#incarnation === undefined) return true
    try {
      await this.#parts.store.retire(this.#incarnation)
      return true
    } catch (error) {
      this.#parts.hub.emit('store:error', { error })
      return false
    }
  }
}
