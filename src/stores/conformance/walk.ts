import assert from 'node:assert/strict'
import type { NewTask, Outcome, TaskId, TaskKind } from '../../model/task.ts'
import type { ClaimAsk, Store, WriteBatch } from '../../ports/store.ts'
import { cancelled, type Claim, fail, ids, json, retry, sorted, succeed, versioned } from './fixtures.ts'
import { type ModelClaim, type ModelTask, ModelStore } from './model.ts'
import type { World, WorldWorker } from './world.ts'

/** One step of a walk: numbers from 0, which decide all that is open, one after another; what is missing is 0. */
export type Step = readonly number[]

const QUEUES = ['one', 'two'] as const
const NAMES = ['a', 'b', 'strange'] as const
const WORKERS_MAX = 3

/** After so many steps, and at the end, every task is compared; the answers are after each of them. */
const STEPS_BETWEEN = 8

/**
 * Does what the steps say to a store and to the model, and compares what they answer and what becomes of the tasks.
 * The walk keeps to what an engine may do; everything else is left to the numbers.
 */
export async function walk(world: World, steps: readonly Step[]): Promise<void> {
  const walker = new Walker(world)
  for (const [i, step] of steps.entries()) {
    world.pass(1)
    await walker.take(new Choices(step))
    if (i % STEPS_BETWEEN === STEPS_BETWEEN - 1) await walker.compare()
  }
  await walker.compare()
}

class Choices {
  readonly #numbers: readonly number[]
  #used = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** A number from 0 up to, not including, `below`. */
  below(below: number): number {
    return (this.#numbers[this.#used++] ?? 0) % below
  }

  /** True once in `of` times. */
  once(of: number): boolean {
    return this.below(of) === of - 1
  }

  /** One of them; undefined when there is none. */
  of<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.below(list.length)]
  }
}

class Walker {
  readonly #world: World
  readonly #model = new ModelStore()
  readonly #workers: WorldWorker[] = []
  readonly #known = new Set<TaskId>()
  /** Workers come and go on two stores. */
  #other: Store | undefined

  constructor(world: World) {
    this.#world = world
  }

  async take(choices: Choices): Promise<void> {
    const kind = choices.below(16)
    if (this.#workers.length === 0) return this.#register(choices)
    if (kind < 8) return this.#write(choices)
    if (kind < 10) return this.#cancel(choices)
    if (kind === 10) return this.#handBack(choices)
    if (kind === 11) return this.#rescue(choices)
    if (kind === 12) return this.#requeue(choices)
    if (kind === 13) return this.#pause(choices)
    if (kind === 14) return this.#prune(choices)
    if (choices.below(2) === 0 && this.#workers.length < WORKERS_MAX) return this.#register(choices)
    this.#world.pass(choices.below(500))
  }

  async #register(choices: Choices): Promise<void> {
    const definitions = choices.once(3) ? versioned('a') : versioned('a@2', 'b')
    this.#other ??= await this.#world.connect()
    const store = choices.below(2) === 0 ? this.#world.store : this.#other
    const worker = await this.#world.worker({ definitions }, store)
    this.#workers.push(worker)
    this.#model.workers.set(worker.incarnation, new Map(definitions.map(({ name, version }) => [name, version])))
  }

  async #write(choices: Choices): Promise<void> {
    const worker = choices.of(this.#workers)!
    const outcomes = this.#outcomes(worker, choices)
    const adds = this.#adds(worker, choices)
    const claim = choices.below(2) === 0 ? claimAsk(choices) : undefined
    const begun = this.#begun(worker, choices)
    const rest = { progress: [], durability: undefined }
    const batch: WriteBatch = { ...rest, worker: worker.incarnation, outcomes, begun, adds, claim }
    const written = await worker.write(batch)
    const expected = this.#model.write(batch, this.#world.now)
    const { claimed, ready } = written
    assert.deepEqual(
      {
        added: written.added,
        recorded: written.recorded,
        released: byId(written.released.map(claimOf)),
        claimed: claimed?.tasks.map(claimOf),
        nextDueAt: claimed?.nextDueAt,
        cancelling: [...(claimed?.cancelling ?? [])].sort(),
        fenced: written.fenced,
        live: written.live,
      },
      {
        added: expected.added,
        recorded: expected.recorded,
        released: byId(expected.released),
        claimed: expected.claimed,
        nextDueAt: expected.nextDueAt,
        cancelling: [...expected.cancelling].sort(),
        fenced: expected.fenced,
        live: this.#model.live,
      },
    )
    this.#compareReady(ready, expected.ready)
    if (claimed?.more === false) this.#assertNothingLeft(worker, claim!)
  }

  /** Up to three outcomes: of tasks that the worker holds, or stale ones. */
  #outcomes(worker: WorldWorker, choices: Choices): Outcome[] {
    const held = this.#model.heldBy(worker.incarnation)
    return Array.from({ length: choices.below(4) }).flatMap(() => {
      const task = choices.once(5) ? choices.of([...this.#model.tasks.values()]) : choices.of(held)
      return task === undefined ? [] : [this.#outcome(task, choices)]
    })
  }

  /** Attempts that have begun: some that the worker holds, now and then under a stale claim. */
  #begun(worker: WorldWorker, choices: Choices): Claim[] {
    const held = this.#model.heldBy(worker.incarnation).filter(() => choices.once(3))
    return held.map(({ id, claims }) => ({ id, claims: claims - (choices.once(6) ? 1 : 0) }))
  }

  #outcome(task: ModelTask, choices: Choices): Outcome {
    const claim: Claim = { id: task.id, claims: Math.max(1, task.claims - (choices.once(6) ? 1 : 0)) }
    const kind = choices.below(8)
    if (kind < 3) return succeed(claim, { result: json(choices.below(9)), forget: kind === 2 })
    if (kind < 6) return retry(claim, this.#world.now + choices.below(300), choices.below(3) > 0)
    return kind === 6 ? fail(claim) : cancelled(claim)
  }

  /** Up to three tasks, which may be a series, go on with one, or repeat what is there. */
  #adds(worker: WorldWorker, choices: Choices): NewTask[] {
    const adds: NewTask[] = []
    const count = choices.below(4)
    const inSeries = choices.below(2) === 0
    for (let i = 0; i < count; i++) {
      const own = choices.once(6) ? `own:${choices.below(4)}` : undefined
      const before = inSeries
        ? (adds.at(-1) ??
          (choices.once(4) ? choices.of(this.#model.in('ready', 'running', 'waiting', 'cancelled')) : undefined))
        : undefined
      const task = this.#world.task({
        ...(own === undefined ? {} : { id: own, idempotent: true, input: json(choices.below(2)) }),
        name: NAMES[Math.min(choices.below(5), 2)]!,
        queue: choices.of(QUEUES)!,
        version: 1 + Math.max(0, choices.below(4) - 1),
        priority: choices.below(3) - 1,
        dueAt: !inSeries && choices.once(4) ? this.#world.now + choices.below(400) : undefined,
        claimFor: choices.below(2) === 0 ? worker.incarnation : undefined,
        early: choices.once(3),
        series: before === undefined ? undefined : (before.series ?? before.id),
        after: before?.id,
      })
      this.#known.add(task.id)
      adds.push(task)
    }
    return adds
  }

  async #cancel(choices: Choices): Promise<void> {
    const id = choices.of([...this.#known]) ?? 'nobody'
    const answer = await choices.of(this.#workers)!.store.cancel(id, this.#world.now)
    assert.deepEqual(answer, this.#model.cancel(id, this.#world.now))
  }

  async #handBack(choices: Choices): Promise<void> {
    const { store, incarnation } = choices.of(this.#workers)!
    const held = this.#model.heldBy(incarnation).filter(() => choices.below(2) === 0)
    const named = held.map(({ id, claims }) => ({ id, claims: claims - (choices.once(6) ? 1 : 0) }))
    const claims = choices.once(3) ? 'all' : named
    const back = await store.handBack(incarnation, claims, this.#world.now)
    assert.deepEqual([...back].sort(), this.#model.handBack(incarnation, claims, this.#world.now).sort())
  }

  async #rescue(choices: Choices): Promise<void> {
    const { incarnation } = choices.of(this.#workers)!
    const rescued = await choices.of(this.#workers)!.store.rescue(incarnation, this.#world.now)
    const expected = this.#model.rescue(incarnation, this.#world.now)
    assert.deepEqual(
      { requeued: [...rescued.requeued].sort(), quarantined: [...rescued.quarantined].sort() },
      { requeued: expected.requeued.sort(), quarantined: expected.quarantined.sort() },
    )
    for (const id of rescued.quarantined) {
      // What the evidence says is the store's own affair.
      const task = this.#model.tasks.get(id)
      if (task !== undefined) task.error = (await this.#world.find(id)).error
    }
    this.#compareReady(rescued.ready, expected.ready)
    // Sometimes it is told only by its next write.
    if (choices.below(2) === 0) {
      this.#workers.splice(
        this.#workers.findIndex((worker) => worker.incarnation === incarnation),
        1,
      )
    }
  }

  async #requeue(choices: Choices): Promise<void> {
    const final = this.#model.in('failed', 'cancelled', 'quarantined').map((task) => task.id)
    const id = choices.of(choices.once(4) || final.length === 0 ? [...this.#known] : final) ?? 'nobody'
    assert.equal(await this.#world.store.requeue(id, this.#world.now), this.#model.requeue(id))
  }

  async #pause(choices: Choices): Promise<void> {
    const queue = choices.of(QUEUES)!
    const paused = choices.once(3)
    await choices.of(this.#workers)!.store.pause(queue, paused)
    if (paused) this.#model.paused.add(queue)
    else this.#model.paused.delete(queue)
  }

  async #prune(choices: Choices): Promise<void> {
    const of = (): number => choices.below(4) * 100
    const retention = { succeeded: of(), failed: of(), cancelled: of(), quarantined: of() }
    const { removed, done } = await this.#world.store.prune(retention, this.#world.now, 10_000)
    assert.deepEqual({ removed, done }, { removed: this.#model.prune(retention, this.#world.now), done: true })
  }

  /** A queue may be told of once too often, but no queue may be left out in which a task is ready. */
  #compareReady(told: ReadonlySet<string>, expected: ReadonlySet<string>): void {
    const left = new Set(this.#model.in('ready').map((task) => task.queue))
    assert.deepEqual([...expected.intersection(left).difference(told)], [], 'queues with ready tasks were not told of')
  }

  #assertNothingLeft(worker: WorldWorker, { room }: ClaimAsk): void {
    const left = this.#model
      .in('ready')
      .filter((task) => (room.get(task.queue) ?? 0) > 0 && worker.knows(task) && task.crashes < 2)
      .filter(({ queue }) => !this.#model.paused.has(queue))
    assert.deepEqual(ids(left), [], 'the claim said that there is no more')
  }

  /** Every task, and everything that is counted. */
  async compare(): Promise<void> {
    const { store } = this.#world
    for (const id of this.#known) {
      const { passed: _, suspect: __, ...expected } = this.#model.tasks.get(id) ?? { passed: false, suspect: false }
      const found = await store.find(id)
      if (!('id' in expected)) assert.equal(found, undefined)
      else {
        assert.deepEqual(found === undefined ? undefined : stripped(found), stripped(expected))
        assert.deepEqual(await store.ahead(id), this.#model.ahead(id))
      }
    }
    assert.equal(await this.#world.recount(), this.#model.live)
    assert.deepEqual([...(await store.paused())].sort(), [...this.#model.paused].sort())
    const workers = (await store.workers()).map(({ incarnation }) => incarnation)
    assert.deepEqual(sorted(workers), sorted(this.#model.workers.keys()))
    const ready = new Set(this.#model.in('ready').map(kindText))
    assert.deepEqual((await store.readyKinds()).map(kindText).sort(), [...ready].sort())
  }
}

/** Whom it waits behind means something only while it waits, and whether it has begun only while it runs. */
function stripped<T extends Pick<ModelTask, 'state' | 'after' | 'early'>>(record: T): T {
  const { state, after, early } = record
  return { ...record, after: state === 'waiting' ? after : undefined, early: state === 'running' && early }
}

function kindText({ queue, name, version }: TaskKind): string {
  return `${queue} ${name} ${version}`
}

function claimOf({ id, claims, early, suspect }: ModelClaim): ModelClaim {
  return { id, claims, early, suspect }
}

function byId(claims: readonly ModelClaim[]): ModelClaim[] {
  return claims.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function claimAsk(choices: Choices): ClaimAsk {
  const room = new Map<string, number>()
  const early = new Map<string, number>()
  for (const queue of choices.once(2) ? QUEUES : QUEUES.toReversed()) {
    const places = choices.below(4)
    if (places > 0 || choices.below(2) === 0) room.set(queue, places)
    if (choices.once(3)) early.set(queue, choices.below(4))
  }
  return { room, early, probation: ([false, true, 'first'] as const)[choices.below(3)]! }
}
