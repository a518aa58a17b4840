import assert from 'node:assert/strict'
import type { StoredValue } from '../../model/task.ts'
import type { KeptStep } from '../../ports/store.ts'
import { type Case, test, testOf } from './case.ts'
import { type Claim, fail, json, retry, succeed } from './fixtures.ts'
import type { World, WorldWorker } from './world.ts'

const KEEP_ALL = { succeeded: 1_000, failed: 1_000, cancelled: 1_000, quarantined: 1_000 }

function step({ id, claims }: Claim, name: string, value: StoredValue = json(name)): KeptStep {
  return { id, claims, name, value }
}

/** Keeps values of that attempt; their names are their values. */
async function keep(worker: WorldWorker, task: Claim, ...names: readonly string[]): Promise<readonly boolean[]> {
  const { kept } = await worker.write({ steps: names.map((name) => step(task, name)) })
  return kept ?? assert.fail('the write says nothing of what was kept')
}

async function namesOf(world: World, { id }: Pick<Claim, 'id'>): Promise<string[]> {
  return [...(await world.store.steps(id)).keys()].sort()
}

const KEEPING = [
  test('what an attempt keeps is read by name, each value as it was', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const values = {
      charge: json({ id: 'ch_1' }),
      when: { format: 1, text: '[["Date","x"]]' },
      'ä "\'\0': json(''),
    } as const
    const { kept } = await worker.write({
      steps: Object.entries(values).map(([name, value]) => step(task, name, value)),
    })
    assert.deepEqual(kept, [true, true, true])
    assert.deepEqual(Object.fromEntries(await world.store.steps(task.id)), values)
  }),

  test('a write without them says nothing of them', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    assert.equal((await worker.write({ outcomes: [succeed(task)] })).kept, undefined)
    assert.deepEqual(await namesOf(world, task), [])
    assert.deepEqual(await namesOf(world, world.task()), [])
  }),

  test('what is there already stays', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await worker.write({ steps: [step(task, 'charge', json('first'))] })
    await worker.write({ steps: [step(task, 'charge', json('second')), step(task, 'mail')] })
    const found = await world.store.steps(task.id)
    assert.deepEqual([found.get('charge'), found.get('mail')], [json('first'), json('mail')])
  }),

  test('tasks do not see what others have kept', async (world) => {
    const worker = await world.worker()
    const [one, other, own] = [
      await worker.run(),
      await worker.run(),
      await worker.run({ id: 'own', idempotent: true }),
    ]
    await keep(worker, one, 'a')
    await keep(worker, own, 'b')
    assert.deepEqual(
      [await namesOf(world, one), await namesOf(world, other), await namesOf(world, own)],
      [['a'], [], ['b']],
    )
  }),

  test('nothing is kept without the claim, and the answer says so', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    const [ended, given] = [await worker.run(), await worker.run()]
    await worker.finish(succeed(ended))
    await worker.store.handBack(worker.incarnation, [given], world.now)
    assert.deepEqual(await keep(other, task, 'a'), [false])
    assert.deepEqual(await keep(worker, { ...task, claims: 2 }, 'a'), [false])
    assert.deepEqual(await keep(worker, ended, 'a'), [false])
    assert.deepEqual(await keep(worker, given, 'a'), [false])
    assert.deepEqual(await keep(worker, { id: world.task().id, claims: 1 }, 'a'), [false])
    const { kept } = await worker.write({ steps: [step({ ...task, claims: 9 }, 'a'), step(task, 'b')] })
    assert.deepEqual(kept, [false, true])
    for (const each of [ended, given]) assert.deepEqual(await namesOf(world, each), [])
    assert.deepEqual(await namesOf(world, task), ['b'])
  }),

  test('a worker that was declared dead keeps nothing more, and what it had kept is there for the next', async (world) => {
    const [dead, next] = [await world.worker(), await world.worker()]
    const task = await dead.run()
    await keep(dead, task, 'charge')
    await world.store.rescue(dead.incarnation, world.now)
    assert.deepEqual(await keep(dead, task, 'mail'), [false])
    const again = await next.claimOne()
    assert.deepEqual(await keep(next, again, 'receipt'), [true])
    assert.deepEqual(await namesOf(world, task), ['charge', 'receipt'])
  }),

  test('it is kept before an outcome of the same write is recorded, and not after one', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const { kept, recorded } = await worker.write({ steps: [step(task, 'a')], outcomes: [retry(task, world.now)] })
    assert.deepEqual([kept, recorded], [[true], [true]])
    assert.deepEqual(await namesOf(world, task), ['a'])
  }),
]

const STAYING = [
  test('it outlives retries, failures, hand-backs and a requeue', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await keep(worker, task, 'a')
    await worker.finish(retry(task, world.now))
    const second = await worker.claimOne()
    await worker.store.handBack(worker.incarnation, [second], world.now)
    const third = await worker.claimOne()
    await worker.finish(fail(third))
    await world.store.requeue(task.id, world.now)
    await worker.claimOne()
    assert.deepEqual(await namesOf(world, task), ['a'])
  }),

  testOf('persistent', 'it is there when the store is opened again', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    const { durable } = await worker.store.write(
      {
        worker: worker.incarnation,
        adds: [],
        outcomes: [],
        progress: [],
        steps: [step(task, 'a')],
        durability: 'power',
        claim: undefined,
      },
      world.now,
    )
    await durable
    await world.reopen()
    assert.deepEqual(await namesOf(world, task), ['a'])
  }),
]

/** The ways in which a task goes. What it kept has to go with it, or the next one of that id would find it. */
const GOING = [
  test('it goes with a task that is forgotten as it succeeds, alone or among others', async (world) => {
    const worker = await world.worker()
    for (const others of [0, 5]) {
      const tasks = [await worker.run({ id: 'own', idempotent: true })]
      for (let i = 0; i < others; i++) tasks.push(await worker.run())
      for (const task of tasks.slice(0, 3)) await keep(worker, task, 'a')
      const { recorded } = await worker.write({ outcomes: tasks.map((task) => succeed(task, { forget: true })) })
      assert.deepEqual(new Set(recorded), new Set([true]))
      for (const task of tasks) assert.deepEqual(await namesOf(world, task), [])
    }
    const again = await worker.run({ id: 'own', idempotent: true })
    assert.deepEqual(await namesOf(world, again), [])
  }),

  test('it goes with a task that is pruned', async (world) => {
    const worker = await world.worker()
    const [kept, pruned] = [await worker.run({ id: 'own', idempotent: true }), await worker.run()]
    for (const task of [kept, pruned]) await keep(worker, task, 'a')
    await worker.finish(succeed(pruned), fail(kept))
    await world.store.prune({ ...KEEP_ALL, succeeded: 0 }, world.now, 100)
    assert.deepEqual([await namesOf(world, kept), await namesOf(world, pruned)], [['a'], []])
    world.pass(1_000)
    await world.store.prune(KEEP_ALL, world.now, 100)
    const again = await worker.run({ id: 'own', idempotent: true })
    assert.deepEqual(await namesOf(world, again), [])
  }),
]

/** Values that attempts keep for later attempts of their task. */
export const steps: readonly Case[] = [...KEEPING, ...STAYING, ...GOING]
