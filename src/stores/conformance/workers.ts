import assert from 'node:assert/strict'
import type { WorkerRecord } from '../../model/task.ts'
import { test, testOf } from './case.ts'
import { registration, sorted, versioned } from './fixtures.ts'
import type { World } from './world.ts'

async function beatOf(world: World, incarnation: number): Promise<number | undefined> {
  return (await world.store.workers()).find((worker) => worker.incarnation === incarnation)?.beat
}

/** Who is there. */
export const workers = [
  test('a worker is listed as it registered, until it retires', async (world) => {
    const said = registration({
      queues: ['default', 'mail'],
      definitions: versioned('a@12', 'b/c'),
      registeredAt: world.now,
      leaseMs: 4_321,
    })
    const incarnation = await world.store.register(said)
    const [worker] = await world.store.workers()
    assert.deepEqual(worker, { ...said, incarnation, beat: worker!.beat } satisfies WorkerRecord)
    await world.store.retire(incarnation)
    assert.deepEqual(await world.store.workers(), [])
  }),

  test('workers of the same name are told apart', async (world) => {
    const [one, two] = [await world.worker(), await world.worker()]
    assert.notEqual(one.incarnation, two.incarnation)
    const listed = (await world.store.workers()).map(({ incarnation }) => incarnation)
    assert.deepEqual(sorted(listed), sorted([one.incarnation, two.incarnation]))
  }),

  test('an incarnation is never given twice', async (world) => {
    const seen = new Set<number>()
    for (let i = 0; i < 10; i++) {
      const incarnation = await world.store.register(registration())
      assert.ok(Number.isSafeInteger(incarnation) && incarnation > 0)
      seen.add(incarnation)
      if (i % 2 === 0) await world.store.retire(incarnation)
      else await world.store.rescue(incarnation, world.now)
    }
    assert.equal(seen.size, 10)
  }),

  testOf('persistent', 'an incarnation is not given again after everybody has left and come back', async (world) => {
    const first = await world.store.register(registration())
    await world.store.retire(first)
    const store = await world.reopen()
    assert.notEqual(await store.register(registration()), first)
  }),

  test('a beat changes what others see of the worker, every time', async (world) => {
    const worker = await world.worker()
    const seen = [await beatOf(world, worker.incarnation)]
    for (let i = 0; i < 3; i++) {
      assert.equal(await worker.store.beat(worker.incarnation, world.now), true)
      seen.push(await beatOf(world, worker.incarnation))
    }
    assert.equal(new Set(seen).size, 4)
  }),

  test('a beat of a worker that is not there says so', async (world) => {
    const worker = await world.worker()
    await worker.store.retire(worker.incarnation)
    assert.equal(await worker.store.beat(worker.incarnation, world.now), false)
    assert.equal(await world.store.beat(worker.incarnation + 1_000, world.now), false)
  }),

  test('to retire twice, or without having been there, is fine', async (world) => {
    const worker = await world.worker()
    await worker.store.retire(worker.incarnation)
    await worker.store.retire(worker.incarnation)
    assert.deepEqual(await world.store.workers(), [])
  }),

  test('a rescued worker is not listed any more', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    await other.store.rescue(dying.incarnation, world.now)
    const listed = (await world.store.workers()).map(({ incarnation }) => incarnation)
    assert.deepEqual(listed, [other.incarnation])
  }),
] as const
