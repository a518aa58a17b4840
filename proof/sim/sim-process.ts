import type { DatabaseSync } from 'node:sqlite'
import { defineTask } from '../../src/define-task.ts'
import { Background, type BackgroundOptions } from '../../src/index.ts'
import type { AnyTaskDefinition, TaskContext } from '../../src/model/definition.ts'
import type { Logger } from '../../src/model/logger.ts'
import type { Incarnation, TaskId } from '../../src/model/task.ts'
import { createIds } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { SeededChance } from '../support/chance.ts'
import type { History, Life, Verb } from './history.ts'
import type { Plan } from './plans.ts'
import { SimClock } from './sim-clock.ts'
import { type PresenceBus, SimPresence } from './sim-presence.ts'
import { SimStore } from './sim-store.ts'
import type { Timeline } from './timeline.ts'
import { NO_FAULTS, type SlotPlan, type StoreFaults, type World } from './world.ts'

/** What all processes of a world share. */
export interface Machine {
  readonly world: World
  readonly timeline: Timeline
  readonly history: History
  readonly database: DatabaseSync
  readonly bus: PresenceBus
  readonly engineChance: SeededChance
  readonly faultChance: SeededChance
  healed: boolean
  diskFull: boolean
  /** How wrong the wall clock is that all processes share. */
  wallOffsetMs: number
  executed(process: SimProcess, verb: Verb, about: Incarnation | undefined): void
  /** A process has died: it is started again later. */
  died(process: SimProcess): void
  /** Runs an attempt of a task. */
  attempt(process: SimProcess, plan: Plan, context: TaskContext): unknown
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * One life of one process: a background as it ships, on ports that are simulated. Dead, it is cut off: nothing that it does
 * reaches the world, and nothing of the world reaches it. Frozen, it hears nothing until it thaws, then everything at once
 * and in order, as a process that was stopped and continued.
 */
export class SimProcess {
  readonly life: Life
  readonly slot: number
  readonly plan: SlotPlan
  readonly clock: SimClock
  readonly store: SimStore
  readonly background: Background
  readonly definitions: ReadonlyMap<string, AnyTaskDefinition>
  dead = false
  /** Its background has been told to stop. */
  stopping = false
  stopped = false
  /** The id that was made last. */
  lastId: TaskId | undefined
  readonly #machine: Machine
  readonly #presence: SimPresence
  #frozen: (() => void)[] | undefined

  constructor(machine: Machine, slot: number, life: number) {
    const { world, timeline, faultChance, bus, engineChance, database } = machine
    this.#machine = machine
    this.slot = slot
    this.life = `${slot}.${life}`
    this.plan = world.slots[slot]!
    const wallOffsetMs = machine.wallOffsetMs + (machine.healed ? 0 : this.plan.wallOffsetMs)
    this.clock = new SimClock(timeline, this, this.plan.rate, wallOffsetMs, faultChance.fraction)
    const parts = { clock: this.clock, chance: engineChance }
    this.store = new SimStore(new SqliteStore(undefined, { ...parts, memory: database }), this, faultChance)
    this.#presence = new SimPresence(bus, this)
    this.definitions = new Map(definitionsOf(this, machine).map((definition) => [definition.name, definition]))
    const presence = world.presence.kind === 'none' ? {} : { presence: () => this.#presence }
    const random = (bytes: Uint8Array): void => bytes.forEach((_, i) => (bytes[i] = engineChance.below(256)))
    const made = createIds(this.clock, random)
    const ids = { task: () => (this.lastId = made.task()) }
    this.background = new Background(this.#options(), { ...parts, ids, ...presence })
    this.#listen()
    machine.history.tell({ kind: 'born', life: this.life, concurrency: this.concurrency })
  }

  /** Places by queue. */
  get concurrency(): ReadonlyMap<string, number> {
    return new Map([
      ['default', this.plan.concurrency],
      ['side', this.#machine.world.sideConcurrency],
    ])
  }

  get frozen(): boolean {
    return this.#frozen !== undefined
  }

  /** Whether clients reach it. */
  get answers(): boolean {
    return !this.dead && !this.stopping && !this.frozen
  }

  /** Ends it where it stands, as SIGKILL does. */
  die(why: string): void {
    if (this.dead) return
    this.#machine.history.tell({ kind: 'fault', life: this.life, what: `dies ${why}` })
    this.dead = true
    this.#frozen = undefined
    this.#presence.died()
    this.#machine.history.tell({ kind: 'dead', life: this.life, why })
    this.#machine.died(this)
  }

  freeze(): void {
    if (!this.dead) this.#frozen ??= []
  }

  thaw(): void {
    const missed = this.#frozen
    this.#frozen = undefined
    for (const callback of missed ?? []) this.#machine.timeline.after(0, () => this.enter(callback))
  }

  // What its ports ask

  enter(callback: () => void): void {
    if (this.dead) return
    if (this.#frozen === undefined) callback()
    else this.#frozen.push(callback)
  }

  timerFired(): void {
    const { world, healed, faultChance } = this.#machine
    if (!healed && faultChance.maybe(world.dieAtTimer)) this.die('at a timer')
  }

  later(ms: number, callback: () => void): void {
    this.#machine.timeline.after(ms, () => this.enter(callback))
  }

  faults(): StoreFaults {
    return this.#machine.healed ? NO_FAULTS : this.#machine.world.store
  }

  isDiskFull(): boolean {
    return this.#machine.diskFull
  }

  fault(what: string): void {
    this.#machine.history.tell({ kind: 'fault', life: this.life, what })
  }

  executed(verb: Verb, about: Incarnation | undefined): void {
    this.#machine.executed(this, verb, about)
  }

  registered(worker: Incarnation): void {
    this.#machine.history.tell({ kind: 'registered', life: this.life, worker })
  }

  leaving(): void {
    this.#machine.history.tell({ kind: 'leaving', life: this.life })
  }

  kept(id: TaskId, name: string): void {
    this.#machine.history.tell({ kind: 'kept', life: this.life, id, name })
  }

  #options(): BackgroundOptions {
    const { world } = this.#machine
    const { knows, works, concurrency } = this.plan
    return {
      store: this.store,
      tasks: [...this.definitions.values()],
      works,
      concurrency,
      queues: { side: world.sideConcurrency },
      retry: { attempts: world.attempts, base: world.retryBaseMs, cap: world.retryBaseMs * 4 },
      abandonAfter: world.abandonMs,
      retention: {
        ...(world.keepsSucceeded ? {} : { succeeded: 0 }),
        ...(world.keepsFailed ? {} : { failed: 0, cancelled: 0, quarantined: 0 }),
      },
      bufferMax: world.bufferMax,
      backlogMax: world.backlogMax,
      grace: world.graceMs,
      beat: world.beatMs,
      lease: world.leaseMs,
      poll: world.pollMs,
      name: `${this.life}${knows.length === 0 ? ' idle' : ''}`,
      logger: SILENT,
    }
  }

  #listen(): void {
    const { history } = this.#machine
    const { life } = this
    const alive = (tell: () => void): void => {
      if (!this.dead) tell()
    }
    this.background.on('attempt:abandoned', (e) =>
      alive(() => history.tell({ kind: 'abandoned', life, id: e.attempt.id })),
    )
    this.background.on('attempt:end', (e) =>
      alive(() => history.tell({ kind: 'recorded', life, id: e.attempt.id, state: e.state })),
    )
    this.background.on('claim:lost', (e) => alive(() => history.note(`lost ${life} ${e.attempt.id}`)))
    this.background.on('worker:fenced', (e) => alive(() => history.note(`revived ${life} after ${e.worker}`)))
    this.background.on('store:error', (e) => alive(() => history.note(`store:error ${life} ${String(e.error)}`)))
  }
}

function definitionsOf(process: SimProcess, machine: Machine): AnyTaskDefinition[] {
  const run = (plan: Plan, context: TaskContext): unknown => machine.attempt(process, plan, context)
  const all: AnyTaskDefinition[] = [
    defineTask({ name: 'plain', run }),
    defineTask({ name: 'side', queue: 'side', run }),
    defineTask({ name: 'on-error', on: 'error', priority: 5, run }),
    defineTask({ name: 'always', on: 'always', retry: { attempts: 1 }, run }),
    defineTask({ name: 'timed', timeout: 250, retry: { attempts: 3 }, run }),
  ]
  return all.filter(({ name }) => process.plan.knows.includes(name))
}
