/**
 * One seed: draws a world, lets its clients and its misfortunes at it until the horizon, heals it, waits until nothing
 * lives any more, stops every process, and says what the checkers said.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { TaskContext } from '../../src/model/definition.ts'
import { isFinal } from '../../src/model/task-state.ts'
import type { Incarnation } from '../../src/model/task.ts'
import { openDatabase } from '../../src/stores/sqlite/open-database.ts'
import type { SeededChance } from '../support/chance.ts'
import { runAttempt } from './attempts.ts'
import { CHECKERS } from './checkers/all.ts'
import { Clients } from './clients.ts'
import { History, type Verb, type Violation } from './history.ts'
import { Ledger } from './ledger.ts'
import { Nemesis } from './nemesis.ts'
import type { Plan } from './plans.ts'
import { EPOCH_MS } from './sim-clock.ts'
import { PresenceBus } from './sim-presence.ts'
import { type Machine, SimProcess } from './sim-process.ts'
import { Timeline } from './timeline.ts'
import { chanceOf, drawWorld, type World } from './world.ts'

/** Simulated milliseconds after the heal within which everything has to end. */
const DRAIN_MS_MAX = 60_000
/** How often somebody looks whether all is over, and cancels what waits for it. */
const LOOK_MS = 200
/** What was under way when the last task ended and the last call of a store was answered, waits for results among it, ends within this. */
const QUIET_MS = 2_000
/** Steps after which a world is taken to run in circles. */
const STEPS_MAX = 400_000

/** What one seed gave. */
export interface SeedReport {
  readonly seed: number
  readonly steps: number
  readonly faults: number
  readonly simulatedMs: number
  readonly violations: readonly Violation[]
  readonly digest: string
  readonly world: World
  readonly tail: readonly string[]
}

/** How a seed is run. */
export interface SeedOptions {
  /** No faults at all. */
  readonly lite?: boolean
  /** Hears each line of the log. */
  readonly echo?: (line: string) => void
  /** How many of the last lines the report holds. */
  readonly tail?: number
}

/** Runs one seed, and none beside it. The same seed and the same sources give the same log. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedReport> {
  const simulation = new Simulation(seed, options)
  // In production it would have ended the process.
  const escaped = (error: unknown): void => simulation.history.tell({ kind: 'escaped', error: String(error) })
  process.on('unhandledRejection', escaped)
  try {
    return await simulation.run(options.tail ?? 40)
  } finally {
    process.off('unhandledRejection', escaped)
  }
}

class Simulation implements Machine {
  readonly world: World
  readonly timeline = new Timeline()
  readonly history: History
  readonly database: DatabaseSync
  readonly bus: PresenceBus
  readonly engineChance: SeededChance
  readonly faultChance: SeededChance
  healed = false
  diskFull = false
  wallOffsetMs = 0
  readonly #ledger: Ledger
  readonly #clients: Clients
  readonly #workChance: SeededChance
  readonly #slots: (SimProcess | undefined)[] = []
  readonly #lives: number[] = []
  #ended: 'drained' | 'stuck' | undefined
  #closing = false

  constructor(seed: number, { lite = false, echo }: SeedOptions) {
    this.world = drawWorld(seed, lite)
    this.engineChance = chanceOf(seed, 'engine')
    this.faultChance = chanceOf(seed, 'faults')
    this.#workChance = chanceOf(seed, 'work')
    this.database = openDatabase(undefined)
    this.#ledger = new Ledger(this.database)
    this.history = new History(
      { world: this.world, rows: this.#ledger.rows },
      CHECKERS,
      () => this.timeline.nowMs,
      echo,
    )
    this.bus = new PresenceBus(this.world.presence, this.timeline, this.faultChance)
    this.#clients = new Clients(this, this.#workChance)
  }

  async run(tail: number): Promise<SeedReport> {
    const { world, timeline, history } = this
    history.note(`world ${JSON.stringify(world)}`)
    for (let slot = 0; slot < world.slots.length; slot++) {
      timeline.after(this.faultChance.below(300), () => this.#start(slot))
    }
    this.#planWork()
    new Nemesis(
      this,
      () => this.#processes(),
      (process) => this.stop(process),
    ).plan()
    timeline.at(world.horizonMs, () => this.#heal())
    await timeline.run(() => this.#ended !== undefined || timeline.steps > STEPS_MAX)
    if (this.#ended === undefined) history.tell({ kind: 'stuck', why: `not over after ${STEPS_MAX} steps` })
    if (this.#ended === 'drained') await this.#close()
    this.database.close()
    return {
      seed: world.seed,
      steps: timeline.steps,
      faults: history.faults,
      simulatedMs: Math.round(timeline.nowMs),
      violations: history.violations,
      digest: history.digest(),
      world,
      tail: history.tail(tail),
    }
  }

  // What its processes ask

  executed(process: SimProcess, verb: Verb, about: Incarnation | undefined): void {
    const changes = this.#ledger.take()
    const { life } = process
    if (verb === 'rescue') this.history.tell({ kind: 'fenced', worker: about!, by: life })
    if (changes.length === 0) return
    for (const change of changes) {
      this.#ledger.follow(change)
      this.history.tell({ kind: 'move', life, verb, about, ...change })
    }
    this.history.tell({ kind: 'commit', life, verb, ...this.#ledger.counter() })
  }

  died({ slot }: SimProcess): void {
    this.#slots[slot] = undefined
    if (!this.#closing) this.timeline.after(this.healed ? 20 : this.faultChance.below(1_000), () => this.#start(slot))
  }

  attempt(process: SimProcess, plan: Plan, context: TaskContext): unknown {
    return runAttempt(this, this.#clients, process, plan, context)
  }

  /** Stops a process as a deploy does, and starts its successor. */
  stop(process: SimProcess): void {
    const { timeline, history, faultChance } = this
    const { life, slot } = process
    process.stopping = true
    history.tell({ kind: 'stopping', life })
    const { maybe, below } = faultChance
    if (maybe(0.2)) process.later(below(200), () => void process.background.stop({ grace: 0 }))
    void process.background.stop().then((account) => {
      if (process.dead) return
      process.stopped = true
      history.tell({ kind: 'stopped', life, account, timers: process.clock.timers })
      timeline.after(30, () => {
        process.dead = true
        if (this.#slots[slot] !== process) return
        this.#slots[slot] = undefined
        if (!this.#closing) this.#start(slot)
      })
    })
  }

  // Life

  #processes(): SimProcess[] {
    return this.#slots.filter((process) => process !== undefined)
  }

  #start(slot: number): void {
    if (this.#closing || this.#slots[slot] !== undefined) return
    const life = (this.#lives[slot] ?? 0) + 1
    this.#lives[slot] = life
    const process = new SimProcess(this, slot, life)
    this.#slots[slot] = process
    this.#open(process)
  }

  #open(process: SimProcess): void {
    process.background.start().catch((error: unknown) => {
      if (process.dead || process.stopping) return
      this.history.note(`start rejects ${process.life} ${String(error)}`)
      process.later(100, () => this.#open(process))
    })
  }

  #planWork(): void {
    const { world, timeline } = this
    for (let i = 0; i < world.operations; i++) {
      timeline.at(this.#workChance.below(world.horizonMs), () => {
        const able = this.#processes().filter((process) => process.answers)
        const process = able[this.#workChance.below(able.length)]
        const rush = this.#workChance.maybe(0.15) ? 6 : 1
        for (let n = 0; n < rush && process !== undefined && !process.dead; n++) this.#clients.act(process)
      })
    }
  }

  // The end

  #heal(): void {
    this.healed = true
    this.diskFull = false
    this.wallOffsetMs = 0
    this.bus.heal()
    this.history.tell({ kind: 'healed' })
    for (const process of this.#processes()) {
      process.clock.wallOffsetMs = 0
      process.thaw()
    }
    this.#look(this.timeline.nowMs + DRAIN_MS_MAX, undefined)
  }

  /** Looks whether all is over; `quietMs` is since when nothing has lived, and no store was on its way to a lock or back. */
  #look(deadlineMs: number, quietMs: number | undefined): void {
    const { timeline, history } = this
    const live = [...this.#ledger.rows.values()].filter(({ state }) => !isFinal(state))
    const calls = this.#processes().reduce((sum, { store }) => sum + store.callsOpen, 0)
    const sinceMs = live.length + calls > 0 ? undefined : (quietMs ?? timeline.nowMs)
    if (sinceMs !== undefined && timeline.nowMs - sinceMs > QUIET_MS) return this.#drained()
    if (timeline.nowMs > deadlineMs) {
      const rows = live.map((row) => JSON.stringify(row)).join('\n')
      this.#ended = 'stuck'
      return history.tell({
        kind: 'stuck',
        why: `${live.length} tasks have not ended, ${calls} calls have no answer ${DRAIN_MS_MAX} ms after the heal: ${rows}`,
      })
    }
    for (const process of this.#processes()) {
      if (process.store.broken && !process.stopping) process.die('for its store is gone')
    }
    const process = this.#someone()
    // Who has paused a queue resumes it, and nobody else: a resume wakes all workers, and would hide that one sleeps.
    if (process !== undefined) {
      for (const queue of this.#ledger.pausedQueues()) void this.#clients.resume(process, queue)
    }
    for (const { id, dueAt } of live) {
      if (this.#clients.plans.get(id)?.steps.some(({ does }) => does === 'wait') === true && process !== undefined) {
        void this.#clients.cancel(process, id)
      }
      if (dueAt !== null) this.#hasten(dueAt)
    }
    timeline.after(LOOK_MS, () => this.#look(deadlineMs, sinceMs))
  }

  /** A task that a wrong clock has put far ahead: the wall clocks go on to it. */
  #hasten(dueAt: number): void {
    const ms = dueAt - EPOCH_MS - this.timeline.nowMs
    if (ms < 5_000) return
    this.wallOffsetMs = Math.max(this.wallOffsetMs, ms)
    for (const { clock } of this.#processes()) clock.wallOffsetMs = Math.max(clock.wallOffsetMs, ms)
  }

  #someone(): SimProcess | undefined {
    return this.#processes().find((process) => process.answers)
  }

  #drained(): void {
    this.#ended = 'drained'
    const timers = new Map(this.#processes().map(({ life, clock }) => [life, clock.timers]))
    this.history.tell({ kind: 'drained', timers })
  }

  async #close(): Promise<void> {
    const { timeline, history } = this
    this.#closing = true
    const processes = this.#processes()
    for (const process of processes) if (!process.stopping) this.stop(process)
    const deadlineMs = timeline.nowMs + 30_000
    await timeline.run(() => processes.every(({ dead }) => dead) || timeline.nowMs > deadlineMs)
    const left = processes.filter(({ dead }) => !dead)
    if (left.length > 0) history.tell({ kind: 'stuck', why: `${left.map(({ life }) => life).join(', ')} did not stop` })
    history.tell({ kind: 'over', recount: this.#ledger.recount() })
  }
}
