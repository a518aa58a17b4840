import assert from 'node:assert/strict'
import type { TaskState } from '../../model/task-state.ts'
import type {
  ClaimedTask,
  Incarnation,
  Instant,
  KnownDefinition,
  NewTask,
  Outcome,
  TaskId,
  TaskRecord,
  WorkerRegistration,
} from '../../model/task.ts'
import type { Added, Claimed, ClaimAsk, Store, StoreCapabilities, WriteBatch, Written } from '../../ports/store.ts'
import { createIds } from '../../ports/system.ts'
import { type Claim, newTask, registration } from './fixtures.ts'

/** Where stores of the kind under test live, made afresh for each case. */
export interface StoreSite {
  /** A store that is not open yet. A shared one is asked for several times: all of them hold the same tasks. */
  store(): Store
  /** Removes what the stores left behind; all of them are closed by then. */
  remove(): Promise<void> | void
}

/** What one case sees: stores, workers, and a time that stands still unless it is told to pass. */
export class World {
  readonly can: StoreCapabilities
  readonly #site: StoreSite
  readonly #open: Store[] = []
  #now: Instant = Date.UTC(2026, 0, 1)
  /** Ids in the order in which they are made, the same in every run. */
  readonly #ids = createIds({ now: () => this.#now }, (bytes) => void bytes.fill(0x5a))

  private constructor(site: StoreSite, can: StoreCapabilities) {
    this.#site = site
    this.can = can
  }

  /** Lets `body` have a world of its own. */
  static async use(site: StoreSite, can: StoreCapabilities, body: (world: World) => Promise<void>): Promise<void> {
    const world = new World(site, can)
    try {
      await world.connect()
      await body(world)
    } finally {
      for (const store of world.#open) await store.close()
      await site.remove()
    }
  }

  /** The store opened first. */
  get store(): Store {
    return this.#open[0]!
  }

  get now(): Instant {
    return this.#now
  }

  /** Lets time pass, in milliseconds, and says what time it is then. */
  pass(ms: number): Instant {
    this.#now += ms
    return this.#now
  }

  /** Another store on the same tasks, as a process of its own has it; the same one where stores cannot be shared. */
  async connect(): Promise<Store> {
    if (!this.can.shared && this.#open.length > 0) return this.store
    const store = this.#site.store()
    await store.open()
    this.#open.push(store)
    return store
  }

  /** Closes all stores and opens one again. */
  async reopen(): Promise<Store> {
    for (const store of this.#open.splice(0)) await store.close()
    return this.connect()
  }

  /** A task on its way into the store, a millisecond younger than the one before. Only what matters is given. */
  task(fields: Partial<NewTask> = {}): NewTask {
    const addedAt = this.pass(1)
    return newTask({ id: this.#ids.task(), addedAt, ...fields })
  }

  /** A series on its way into the store. */
  series(length: number, fields: Partial<NewTask> = {}): NewTask[] {
    const tasks: NewTask[] = []
    for (let i = 0; i < length; i++) {
      const before = tasks.at(-1)
      const task = this.task(fields)
      tasks.push({ ...task, series: before?.series ?? task.id, after: before?.id })
    }
    return tasks
  }

  /** A worker, with a store of its own where stores can be shared, or with the one that is given. */
  async worker(fields: Partial<WorkerRegistration> = {}, given?: Store): Promise<WorldWorker> {
    const store = given ?? (await this.connect())
    const said = registration({ registeredAt: this.#now, ...fields })
    return new WorldWorker(this, store, await store.register(said), said.definitions)
  }

  /** Adds tasks that nobody claims. */
  async add(...adds: readonly NewTask[]): Promise<readonly Added[]> {
    const { added } = await this.write(this.store, undefined, { adds })
    return added
  }

  /** One transaction, awaited until it is durable. */
  async write(store: Store, worker: Incarnation | undefined, batch: Partial<WriteBatch>): Promise<Written> {
    const adds = batch.adds ?? []
    const durability = adds.some((task) => task.durability === 'power') ? 'power' : adds[0]?.durability
    const nothing = { outcomes: [], progress: [], claim: undefined }
    const written = await store.write({ ...nothing, ...batch, worker, adds, durability }, this.#now)
    await written.durable
    return written
  }

  /** The task as stored, which has to be there. */
  async find(id: TaskId | { readonly id: TaskId }): Promise<TaskRecord> {
    const wanted = typeof id === 'string' ? id : id.id
    const record = await this.store.find(wanted)
    if (record === undefined) return assert.fail(`task ${wanted} is not in the store`)
    return record
  }

  /** Where the tasks stand in their lives. */
  async states(...tasks: readonly { readonly id: TaskId }[]): Promise<readonly TaskState[]> {
    const states: TaskState[] = []
    for (const task of tasks) states.push((await this.find(task)).state)
    return states
  }

  /** How many tasks are live, counted one by one. */
  async recount(): Promise<number> {
    let live = 0
    for (const { scheduled, waiting, ready, running } of (await this.store.counts()).values()) {
      live += scheduled + waiting + ready + running
    }
    return live
  }
}

/** What a worker would like to claim, in few words: a number is the room of the default queue. */
export interface Wish {
  readonly room?: number | Readonly<Record<string, number>>
  readonly probation?: ClaimAsk['probation']
}

/** A registered worker and the store object that it uses. */
export class WorldWorker {
  readonly store: Store
  readonly incarnation: Incarnation
  readonly definitions: readonly KnownDefinition[]
  readonly #world: World

  constructor(world: World, store: Store, incarnation: Incarnation, definitions: readonly KnownDefinition[]) {
    this.#world = world
    this.store = store
    this.incarnation = incarnation
    this.definitions = definitions
  }

  knows(task: Pick<NewTask, 'name' | 'version'>): boolean {
    return this.definitions.some(({ name, version }) => name === task.name && version >= task.version)
  }

  write(batch: Partial<WriteBatch>): Promise<Written> {
    return this.#world.write(this.store, this.incarnation, batch)
  }

  /** Adds a task and claims it as it is inserted. */
  async run(fields: Partial<NewTask> = {}): Promise<NewTask & Claim> {
    const task = this.#world.task({ ...fields, claimFor: this.incarnation })
    await this.write({ adds: [task] })
    return { ...task, claims: 1 }
  }

  async claim(wish: Wish = {}): Promise<Claimed> {
    const { claimed } = await this.write({ claim: ask(wish) })
    return claimed ?? assert.fail('the write gave no claim')
  }

  /** Claims and gives the one task that there is to claim. */
  async claimOne(wish: Wish = {}): Promise<ClaimedTask> {
    const { tasks } = await this.claim(wish)
    assert.equal(tasks.length, 1, `${tasks.length} tasks were claimed instead of one`)
    return tasks[0]!
  }

  /** The same, and writes down that its attempt has begun. */
  async beginOne(wish: Wish = {}): Promise<ClaimedTask> {
    const task = await this.claimOne(wish)
    await this.write({ begun: [task] })
    return task
  }

  /** Records outcomes, without claiming anything, and says which of them counted. */
  async finish(...outcomes: readonly Outcome[]): Promise<readonly boolean[]> {
    const { recorded } = await this.write({ outcomes })
    return recorded
  }
}

/** A wish as the port wants it. */
export function ask({ room = 100, probation = true }: Wish = {}): ClaimAsk {
  const rooms = typeof room === 'number' ? { default: room } : room
  return { room: new Map(Object.entries(rooms)), probation }
}
