import assert from 'node:assert/strict'
import { CANARY_QUEUE } from '../../model/canary.ts'
import type { ListAsk } from '../../ports/store.ts'
import { test } from './case.ts'
import { succeed } from './fixtures.ts'
import type { World, WorldWorker } from './world.ts'

const ALL: ListAsk = {
  states: undefined,
  queue: undefined,
  name: undefined,
  requestId: undefined,
  series: undefined,
  before: undefined,
  limit: 100,
}

/** A canary of that worker, which it holds. */
async function canary(worker: WorldWorker): Promise<{ readonly id: string; readonly claims: number }> {
  return worker.run({ queue: CANARY_QUEUE, name: 'canary', early: true })
}

/** Nobody who looks finds anything, also when it is ready. */
async function assertUnseen({ store }: World): Promise<void> {
  for (const ask of [ALL, { ...ALL, states: ['ready', 'running'] as const }, { ...ALL, queue: CANARY_QUEUE }]) {
    assert.deepEqual((await store.list(ask)).tasks, [])
  }
  assert.deepEqual([...(await store.counts())], [])
  assert.deepEqual(await store.readyKinds(), [])
}

/** Tasks of the library's own, by which a worker proves that it is ready. */
export const canaries = [
  test('a canary runs and ends as other tasks do, and stands in no list and in no count', async (world) => {
    const worker = await world.worker()
    const mine = await canary(worker)
    assert.equal((await world.find(mine)).state, 'running')
    await assertUnseen(world)
    assert.deepEqual(await worker.finish(succeed(mine, { forget: true })), [true])
    assert.equal(await world.store.find(mine.id), undefined)
    assert.equal((await worker.write({})).live, 0)
  }),

  test('a canary of a worker that died is gone, and nobody is told of it', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    const theirs = await canary(dying)
    const task = await dying.run()
    const { requeued, quarantined, ready } = await other.store.rescue(dying.incarnation, world.now)
    assert.deepEqual(
      { requeued, quarantined, ready },
      { requeued: [task.id], quarantined: [], ready: new Set(['default']) },
    )
    assert.equal(await world.store.find(theirs.id), undefined)
    assert.equal((await other.write({})).live, 1)
    assert.deepEqual(await dying.finish(succeed(theirs, { forget: true })), [false])
  }),

  test('a canary of a worker that gives everything back is gone; those of others go on', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const [mine, theirs] = [await canary(worker), await canary(other)]
    const task = await worker.run()
    assert.deepEqual(await worker.store.handBack(worker.incarnation, 'all', world.now), [task.id])
    assert.equal(await world.store.find(mine.id), undefined)
    assert.deepEqual(await other.finish(succeed(theirs, { forget: true })), [true])
  }),

  test('a canary that a dead worker adds is seen by nobody, and gone when the next worker registers', async (world) => {
    const dead = await world.worker()
    await world.store.rescue(dead.incarnation, world.now)
    const late = world.task({ queue: CANARY_QUEUE, name: 'canary', claimFor: dead.incarnation, early: true })
    assert.equal((await dead.write({ adds: [late] })).fenced, true)
    await assertUnseen(world)
    await world.worker()
    assert.equal(await world.store.find(late.id), undefined)
    assert.equal((await world.write(world.store, undefined, {})).live, 0)
  }),
] as const
