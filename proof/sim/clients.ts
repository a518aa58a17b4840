/**
 * Who uses the processes: requests with their answers, code outside of requests, and people who cancel, requeue and pause.
 * Each operation belongs to one process and dies with it. What a client is told is what it was told: the checkers
 * compare it with the database.
 */
import { type AddOptions, isAfterwordError } from '../../src/index.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import type { OnStatus, TaskId } from '../../src/model/task.ts'
import type { SeededChance } from '../support/chance.ts'
import { drawPlan, type Plan, PLAIN, POISON } from './plans.ts'
import type { Machine, SimProcess } from './sim-process.ts'

const STATUSES = [200, 201, 201, 302, 404, 500] as const

interface Kept {
  readonly id: TaskId
  readonly name: string
}

/** The clients of one world. */
export class Clients {
  /** What was added, in order, with what it does. */
  readonly plans = new Map<TaskId, Plan>()
  readonly #machine: Machine
  readonly #chance: SeededChance
  #poisonLeft: number
  #requests = 0
  /** Ids of the callers' own that were refused once because they were another task's. */
  readonly #taken = new Set<TaskId>()
  readonly #begins = new Map<TaskId, number>()

  constructor(machine: Machine, chance: SeededChance) {
    this.#machine = machine
    this.#chance = chance
    this.#poisonLeft = machine.world.poison
  }

  /** One operation at that process. */
  act(process: SimProcess): void {
    const { below } = this.#chance
    const dice = below(100)
    if (dice < 45) void this.#respond(process)
    else if (dice < 62) this.#addSome(process)
    else if (dice < 76) void this.cancel(process, this.#anyId())
    else if (dice < 82) void this.#requeue(process, this.#anyId())
    else if (dice < 88) void this.#pause(process)
    else if (dice < 97) void this.#awaitResult(process, this.#anyId())
    else void this.#look(process, this.#anyId())
  }

  /** How often that task has begun, this time included; attempts that are not counted count here. */
  beginsOf(id: TaskId): number {
    const begins = (this.#begins.get(id) ?? 0) + 1
    this.#begins.set(id, begins)
    return begins
  }

  /** Adds a task outside of any response, from a task's own function; fails when the add does. */
  async addFrom(process: SimProcess, name: string, plan: Plan, options: AddOptions): Promise<void> {
    const definition = process.definitions.get(name)
    if (definition !== undefined) await this.#add(process, definition, plan, options)
  }

  async cancel(process: SimProcess, id: TaskId | undefined): Promise<void> {
    if (id === undefined) return
    const answer = await this.#ask(process, 'cancel', () => process.background.cancel(id))
    if (answer !== undefined) this.#machine.history.tell({ kind: 'cancel', id, answer })
  }

  async resume(process: SimProcess, queue: string): Promise<void> {
    await this.#ask(process, 'resume', () => process.background.resume(queue))
  }

  // Responses

  async #respond(process: SimProcess): Promise<void> {
    const { below, maybe, of } = this.#chance
    const status = of(STATUSES)
    const count = 1 + below(4)
    const sends = maybe(0.15) ? count - 1 : count
    const hangsUp = maybe(0.1)
    const scope = process.background.attach(undefined, { id: `r${this.#requests++}` })
    const series: TaskId[] = []
    const kept: Kept[] = []
    const dropped: TaskId[] = []
    try {
      for (let i = 0; i < sends; i++) {
        this.#addTo(process, scope.tasks, status, { series, kept, dropped })
        if (maybe(0.2)) await pause(process, below(20))
      }
      if (maybe(0.05)) scope.tasks.defer(() => pause(process, below(50)))
      if (hangsUp) scope.close()
      // A shutdown does not wait for ever: it may have settled this response as a success, in its handler's place.
      const isOurs = !process.stopping
      const { life } = process
      if (isOurs) for (const id of dropped) this.#machine.history.tell({ kind: 'dropped', life, id })
      await scope.settle(status)
      if (process.dead) return
      // A client that sees the head relies on all of them, but for ids that belonged to another task.
      if (isOurs) for (const { id, name } of kept) if (!this.#taken.has(id)) this.#acknowledge(process, id, name)
      if (sends < count) {
        await pause(process, below(30))
        this.#addTo(process, scope.tasks, 'sent', { series, kept, dropped })
      }
      if (maybe(0.5)) await pause(process, below(maybe(0.1) ? 1_500 : 20))
    } catch (error) {
      if (!process.dead) this.#machine.history.note(`answers 503 ${process.life}: ${codeOf(error)}`)
    }
    if (!process.dead) scope.close()
  }

  /** Adds one task to a response that will leave with that status, or has left. */
  #addTo(
    process: SimProcess,
    tasks: ReturnType<SimProcess['background']['attach']>['tasks'],
    status: number | 'sent',
    { series, kept, dropped }: { series: TaskId[]; kept: Kept[]; dropped: TaskId[] },
  ): void {
    const drawn = this.#draw(process)
    if (drawn === undefined) return
    const { definition, plan, options } = drawn
    const { history } = this.#machine
    let handle: ReturnType<typeof tasks.add>
    try {
      handle = tasks.add(definition, plan, options)
    } catch (error) {
      return history.note(`add throws ${process.life} ${codeOf(error)}`)
    }
    const { id } = handle
    const isKept = status === 'sent' || keeps(options.on ?? definition.on, status)
    const isIdempotent = options.id !== undefined
    const inSeries = isKept && !isIdempotent && options.delay === undefined && options.parallel !== true
    this.#added(process, id, definition.name, plan, isIdempotent, inSeries ? series : [])
    if (inSeries) series.push(id)
    if (!isKept) return void dropped.push(id)
    kept.push({ id, name: definition.name })
    handle.committed.then(
      () => this.#acknowledge(process, id, definition.name),
      (error: unknown) => this.#refused(process, id, error),
    )
  }

  // Adds outside of responses

  /** One, or more at once than a small buffer takes. */
  #addSome(process: SimProcess): void {
    const count = this.#machine.world.bufferMax < 10 && this.#chance.maybe(0.3) ? 20 : 1
    for (let i = 0; i < count; i++) void this.#addAlone(process)
  }

  async #addAlone(process: SimProcess): Promise<void> {
    const drawn = this.#draw(process)
    if (drawn === undefined) return
    try {
      await this.#add(process, drawn.definition, drawn.plan, drawn.options)
    } catch {
      // It is in the log.
    }
  }

  async #add(process: SimProcess, definition: AnyTaskDefinition, plan: Plan, options: AddOptions): Promise<void> {
    process.lastId = undefined
    const adding = process.background.add(definition, plan, options)
    const id = options.id ?? process.lastId
    if (id !== undefined) this.#added(process, id, definition.name, plan, options.id !== undefined, [])
    try {
      await adding
      if (id !== undefined) this.#acknowledge(process, id, definition.name)
    } catch (error) {
      if (id !== undefined) this.#refused(process, id, error)
      else if (!process.dead) this.#machine.history.note(`add throws ${process.life} ${codeOf(error)}`)
      throw error
    }
  }

  // What people do

  async #requeue(process: SimProcess, id: TaskId | undefined): Promise<void> {
    // What kills its process is not brought back: the world would never come to rest.
    if (id === undefined || this.plans.get(id) === POISON) return
    await this.#ask(process, 'requeue', () => process.background.requeue(id))
  }

  async #pause(process: SimProcess): Promise<void> {
    const { of, below } = this.#chance
    const queue = of(['default', 'side'])
    await this.#ask(process, 'pause', () => process.background.pause(queue).then(() => true))
    await pause(process, below(600))
    await this.#ask(process, 'resume', () => process.background.resume(queue).then(() => true))
  }

  async #awaitResult(process: SimProcess, id: TaskId | undefined): Promise<void> {
    if (id === undefined) return
    let answer: string
    try {
      answer = `value ${String(await process.background.result(id, { timeout: 1 + this.#chance.below(1_500) }))}`
    } catch (error) {
      answer = codeOf(error)
    }
    if (!process.dead) this.#machine.history.tell({ kind: 'result', life: process.life, id, answer })
  }

  async #look(process: SimProcess, id: TaskId | undefined): Promise<void> {
    if (id === undefined) return
    await this.#ask(process, 'explain', () => process.background.explain(id))
    await this.#ask(process, 'counts', () => process.background.counts())
  }

  /** Undefined when the process has died meanwhile, or refused. */
  async #ask<T>(process: SimProcess, what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await ask()
      return process.dead ? undefined : answer
    } catch (error) {
      if (!process.dead) this.#machine.history.note(`${what} rejects ${process.life} ${codeOf(error)}`)
      return undefined
    }
  }

  // Draws and notes

  #draw(process: SimProcess): { definition: AnyTaskDefinition; plan: Plan; options: AddOptions } | undefined {
    const { maybe, below, of } = this.#chance
    const names = [...process.definitions.keys()]
    const name = names[below(names.length)]
    const definition = name === undefined ? undefined : process.definitions.get(name)
    if (definition === undefined) return undefined
    if (maybe(0.1)) return this.#drawIdempotent(process, definition)
    const poison = this.#poisonLeft > 0 && maybe(0.2)
    if (poison) this.#poisonLeft--
    const options: AddOptions = {
      ...(maybe(0.12) ? { delay: below(1_200) } : {}),
      ...(maybe(0.15) ? { priority: below(5) } : {}),
      ...(maybe(0.1) ? { queue: of(['default', 'side']) } : {}),
      ...(maybe(0.15) ? { on: of(['success', 'error', 'always']) } : {}),
      ...(maybe(0.15) ? { parallel: true } : {}),
      ...(maybe(0.2) ? { durability: 'process' } : {}),
    }
    return { definition, plan: poison ? POISON : drawPlan(this.#chance, definition.name), options }
  }

  /** One of a few ids, mostly with the same task. */
  #drawIdempotent(
    process: SimProcess,
    other: AnyTaskDefinition,
  ): { definition: AnyTaskDefinition; plan: Plan; options: AddOptions } {
    const { maybe, below } = this.#chance
    const plain = process.definitions.get('plain')
    const definition = plain === undefined || maybe(0.1) ? other : plain
    return { definition, plan: PLAIN, options: { id: `own-${below(3)}`, on: 'always' } }
  }

  #anyId(): TaskId | undefined {
    const ids = [...this.plans.keys()]
    // Mostly a recent one: old ones have ended.
    const at = ids.length - 1 - Math.floor(this.#chance.fraction() ** 2 * ids.length)
    return ids[at]
  }

  #added(
    process: SimProcess,
    id: TaskId,
    name: string,
    plan: Plan,
    isIdempotent: boolean,
    series: readonly TaskId[],
  ): void {
    this.plans.set(id, plan)
    this.#machine.history.tell({ kind: 'add', life: process.life, id, name, isIdempotent, series: [...series] })
  }

  #acknowledge(process: SimProcess, id: TaskId, name: string): void {
    if (!process.dead) this.#machine.history.tell({ kind: 'ack', life: process.life, id, name })
  }

  #refused(process: SimProcess, id: TaskId, error: unknown): void {
    if (codeOf(error) === 'TASK_ID_TAKEN') this.#taken.add(id)
    if (!process.dead) this.#machine.history.tell({ kind: 'refused', life: process.life, id, code: codeOf(error) })
  }
}

function keeps(on: OnStatus, status: number): boolean {
  return on === 'always' || (on === 'success') === status < 400
}

function codeOf(error: unknown): string {
  return isAfterwordError(error) ? error.code : String(error)
}

/** Never resolves when the process dies before. */
function pause(process: SimProcess, ms: number): Promise<void> {
  return new Promise((resolve) => process.later(ms, resolve))
}
