import type { Ports } from '../background-ports.ts'
import type { BackgroundOptions } from '../index.ts'
import type { Incarnation, WorkerRegistration } from '../model/task.ts'
import type { Pace } from '../ports/pace.ts'
import { LabBackground } from './lab-background.ts'
import { type LabClock, ProcessClock } from './lab-clock.ts'
import { LabPresence } from './lab-presence.ts'
import { LabStore, type StoreRoom } from './lab-store.ts'

/** What the processes of a lab share. */
export interface LabWorld extends StoreRoom {
  readonly clock: LabClock
  readonly ports: Pick<Ports, 'chance' | 'ids'>
  readonly options: BackgroundOptions
  /** The workers whose process has died. */
  readonly dead: Set<Incarnation>
}

/**
 * Outcomes are written at once, for no time passes. Upkeep, which only removes what is old here, takes place each hour, and
 * less often as long as much time is still to pass: a year costs as little as a week, and ends as exactly.
 */
function paceOf(clock: LabClock): Pace {
  return {
    outcomeWaitMs: 0,
    get upkeepMs() {
      return Math.max(3_600_000, clock.aheadMs / 16)
    },
  }
}

/**
 * One process of a lab: a background with its own view of the shared store and clock. Dead, it does nothing any more that
 * anybody could see; a task function that was running in it runs on, for nobody can stop it, but counts for nothing.
 */
export class LabProcess {
  readonly background: LabBackground
  readonly #world: LabWorld
  readonly #clock: ProcessClock
  readonly #store: LabStore
  readonly #presence: LabPresence
  readonly #death = Promise.withResolvers<void>()
  #dead = false

  constructor(world: LabWorld) {
    this.#world = world
    this.#clock = new ProcessClock(world.clock)
    this.#store = new LabStore(world, () => this.die())
    this.#presence = new LabPresence(world.dead)
    const ports: Ports = {
      ...world.ports,
      clock: this.#clock,
      presence: () => this.#presence,
      pace: paceOf(world.clock),
    }
    this.background = new LabBackground({ ...world.options, store: this.#store }, ports, world.clock)
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Resolves when it dies. */
  get death(): Promise<void> {
    return this.#death.promise
  }

  /** Who it is in the store; undefined once it has died or has stopped. */
  get incarnation(): Incarnation | undefined {
    return this.#dead ? undefined : this.#store.worker?.incarnation
  }

  /** What it takes tasks as; undefined when it takes none any more. */
  get registration(): WorkerRegistration | undefined {
    return this.#dead || this.background.draining ? undefined : this.#store.worker?.registration
  }

  /** Makes it look at the store. */
  ring(): void {
    this.#presence.onRing()
  }

  /** Ends it where it stands, as SIGKILL does. */
  die(): void {
    if (this.#dead) return
    this.#dead = true
    if (this.#store.worker !== undefined) this.#world.dead.add(this.#store.worker.incarnation)
    this.#store.die()
    this.#clock.die()
    this.background.die()
    this.#death.resolve()
    this.#world.ledger.wake()
  }
}
