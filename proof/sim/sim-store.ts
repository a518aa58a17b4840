/**
 * The store port of one simulated process: the shipping store behind it, and everything that can go wrong between the two.
 *
 * A process reaches the world only through its ports: transactions, rings, answers to its clients. What it computes between
 * two port calls dies with it and nobody has seen it. So a process that dies between any two awaits cannot be told
 * from one that dies right before its next port call, or right after its last one: cutting at the ports, before a call
 * and between its execution and its answer, cuts everywhere.
 */
import { AfterwordError } from '../../src/model/errors.ts'
import type {
  Incarnation,
  Instant,
  Retention,
  TaskId,
  TaskKind,
  StoredValue,
  TaskRecord,
  WorkerRecord,
  WorkerRegistration,
} from '../../src/model/task.ts'
import type {
  CancelAnswer,
  Counts,
  Rescued,
  Store,
  StoreCapabilities,
  WriteBatch,
  Written,
} from '../../src/ports/store.ts'
import type { SeededChance } from '../support/chance.ts'
import type { Verb } from './history.ts'
import type { StoreFaults } from './world.ts'

const FILE = 'tasks.db'

/** What the store asks of the world and of its process. */
export interface StoreHost {
  readonly dead: boolean
  /** Something is wrong with the disk that all processes share: nothing can be written. */
  isDiskFull(): boolean
  faults(): StoreFaults
  /** Runs it that much later, when the process can hear it; never, when it is dead. */
  later(ms: number, callback: () => void): void
  fault(what: string): void
  die(why: string): void
  /** A verb was executed: what changed in the database is its work. */
  executed(verb: Verb, about: Incarnation | undefined): void
  registered(worker: Incarnation): void
  /** All of its claims are to go back. */
  leaving(): void
  /** The store says that the task is in it. */
  kept(id: TaskId, name: string): void
}

type Claims = readonly { readonly id: TaskId; readonly claims: number }[]

/** The store as one process sees it. */
export class SimStore implements Store {
  readonly url = 'sim:'
  readonly can: StoreCapabilities = { shared: true, persistent: true }
  readonly #store: Store
  readonly #host: StoreHost
  readonly #chance: SeededChance
  /** Writes are executed in the order of their calls, as one connection does. */
  #writes: Promise<unknown> | undefined
  #broken = false
  #open = 0

  constructor(store: Store, host: StoreHost, chance: SeededChance) {
    this.#store = store
    this.#host = host
    this.#chance = chance
  }

  /** It failed for good. */
  get broken(): boolean {
    return this.#broken
  }

  /** Calls that have no answer yet. */
  get callsOpen(): number {
    return this.#open
  }

  open(): Promise<void> {
    return this.#call('open', undefined, true, () => this.#store.open())
  }

  close(): Promise<void> {
    return this.#host.dead ? never() : this.#store.close()
  }

  async register(worker: WorkerRegistration): Promise<Incarnation> {
    return this.#call('register', undefined, true, async () => {
      const incarnation = await this.#store.register(worker)
      this.#host.registered(incarnation)
      return incarnation
    })
  }

  beat(worker: Incarnation, now: Instant): Promise<boolean> {
    return this.#call('beat', worker, true, () => this.#store.beat(worker, now))
  }

  workers(): Promise<readonly WorkerRecord[]> {
    return this.#call('workers', undefined, false, () => this.#store.workers())
  }

  retire(worker: Incarnation): Promise<void> {
    return this.#call('retire', worker, true, () => this.#store.retire(worker))
  }

  write(batch: WriteBatch, now: Instant): Promise<Written> {
    return this.#call('write', batch.worker, true, async () => {
      const written = await this.#store.write(batch, now)
      for (const [i, { id, name }] of batch.adds.entries()) {
        if (written.added[i]!.kind !== 'taken') this.#host.kept(id, name)
      }
      const { syncMs } = this.#host.faults()
      if (batch.durability !== 'power' || syncMs === 0) return written
      const durable = this.#sync(this.#chance.below(syncMs))
      // Its answer may come later than the end of the sync.
      durable.catch(() => undefined)
      return { ...written, durable }
    })
  }

  handBack(worker: Incarnation, tasks: Claims | 'all', now: Instant): Promise<readonly TaskId[]> {
    const verb = tasks === 'all' ? 'handBackAll' : 'handBack'
    if (tasks === 'all' && !this.#host.dead) this.#host.leaving()
    return this.#call(verb, worker, true, () => this.#store.handBack(worker, tasks, now))
  }

  rescue(dead: Incarnation, now: Instant): Promise<Rescued> {
    return this.#call('rescue', dead, true, () => this.#store.rescue(dead, now))
  }

  cancel(id: TaskId, now: Instant): Promise<CancelAnswer> {
    return this.#call('cancel', undefined, true, () => this.#store.cancel(id, now))
  }

  requeue(id: TaskId, now: Instant): Promise<boolean> {
    return this.#call('requeue', undefined, true, () => this.#store.requeue(id, now))
  }

  find(id: TaskId): Promise<TaskRecord | undefined> {
    return this.#call('find', undefined, false, () => this.#store.find(id))
  }

  steps(id: TaskId): Promise<ReadonlyMap<string, StoredValue>> {
    return this.#call('steps', undefined, false, () => this.#store.steps(id))
  }

  ahead(id: TaskId): Promise<readonly TaskId[]> {
    return this.#call('ahead', undefined, false, () => this.#store.ahead(id))
  }

  list(...args: Parameters<Store['list']>): ReturnType<Store['list']> {
    return this.#call('list', undefined, false, () => this.#store.list(...args))
  }

  counts(): Promise<Counts> {
    return this.#call('counts', undefined, false, () => this.#store.counts())
  }

  pause(queue: string, paused: boolean): Promise<void> {
    return this.#call('pause', undefined, true, () => this.#store.pause(queue, paused))
  }

  paused(): Promise<ReadonlySet<string>> {
    return this.#call('paused', undefined, false, () => this.#store.paused())
  }

  prune(retention: Retention, now: Instant, limit: number): ReturnType<Store['prune']> {
    return this.#call('prune', undefined, true, () => this.#store.prune(retention, now, limit))
  }

  readyKinds(): Promise<readonly TaskKind[]> {
    return this.#call('readyKinds', undefined, false, () => this.#store.readyKinds())
  }

  async #call<T>(verb: Verb, about: Incarnation | undefined, writes: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#host.dead) return never()
    this.#open++
    try {
      const before = writes ? this.#writes : undefined
      const turn = before === undefined ? this.#reach(verb, writes) : before.then(() => this.#reach(verb, writes))
      if (writes) this.#follow(turn)
      await turn
      return await this.#answer(verb, writes, this.#execute(verb, about, work))
    } finally {
      this.#open--
    }
  }

  #follow(turn: Promise<void> | undefined): void {
    const over = (): void => {
      if (this.#writes === settled) this.#writes = undefined
    }
    const settled = turn?.then(over, over)
    this.#writes = settled
  }

  /** The way to the database: undefined when nothing is in it. */
  #reach(verb: Verb, writes: boolean): Promise<void> | undefined {
    const { busy, busyMs, refuse, die } = this.#host.faults()
    const { maybe, below } = this.#chance
    if (maybe(die)) {
      this.#host.die(`before ${verb}`)
      return never()
    }
    if (this.#broken) return Promise.reject(brokenError())
    if (writes && this.#host.isDiskFull()) return Promise.reject(new AfterwordError('STORE_FULL', { file: FILE }))
    if (maybe(refuse)) {
      this.#host.fault(`refuses ${verb}`)
      return Promise.reject(new AfterwordError('STORE_BUSY', { file: FILE, waitedMs: 10_000 }))
    }
    if (!writes || !maybe(busy)) return undefined
    return new Promise((resolve) => this.#host.later(below(busyMs), resolve))
  }

  /** The store executes within the call: whatever has changed when it returns was done by this verb. */
  #execute<T>(verb: Verb, about: Incarnation | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#host.dead) return never()
    const done = work()
    this.#host.executed(verb, about)
    return done
  }

  /** The way back. */
  async #answer<T>(verb: Verb, writes: boolean, done: Promise<T>): Promise<T> {
    const { slowAnswer, slowAnswerMs, breakAfter, unknown, die } = this.#host.faults()
    const { maybe, below } = this.#chance
    // Drawn before anything is awaited, so that the order of the draws is the order of the calls.
    const fate = maybe(die) ? 'die' : writes && maybe(breakAfter) ? 'break' : 'answer'
    const isUnknown = maybe(unknown) && REPEATABLE.has(verb)
    const answerMs = maybe(slowAnswer) ? below(slowAnswerMs) : 0
    if (fate === 'die') {
      done.catch(() => undefined)
      this.#host.die(`after ${verb}`)
      return never()
    }
    const answer = await done
    if (fate === 'break') {
      this.#broken = true
      this.#host.fault(`breaks after ${verb}`)
      throw brokenError()
    }
    if (answerMs > 0) await new Promise<void>((resolve) => this.#host.later(answerMs, resolve))
    if (this.#host.dead) return never()
    if (isUnknown) {
      this.#host.fault(`executes ${verb} and fails`)
      throw new AfterwordError('STORE_BUSY', { file: FILE, waitedMs: 10_000 })
    }
    return answer
  }

  #sync(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#host.later(ms, () => {
        const { breakAfter } = this.#host.faults()
        if (!this.#broken && !this.#chance.maybe(breakAfter)) return resolve()
        if (!this.#broken) this.#host.fault('breaks in a sync')
        this.#broken = true
        reject(brokenError())
      })
    })
  }
}

/** Verbs whose execution may stay unknown: the port promises of `write` alone that a rejection has written nothing. */
const REPEATABLE: ReadonlySet<Verb> = new Set([
  'beat',
  'rescue',
  'cancel',
  'requeue',
  'pause',
  'prune',
  'retire',
  'handBackAll',
])

function brokenError(): AfterwordError {
  return new AfterwordError('STORE_FAILED', { file: FILE, reason: 'disk I/O error while syncing (SQLite result 1034)' })
}

/** What a process hears after its death. */
function never(): Promise<never> {
  return new Promise(() => {})
}
