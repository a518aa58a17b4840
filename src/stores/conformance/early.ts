import assert from 'node:assert/strict'
import { attemptNumber, type ClaimedTask } from '../../model/task.ts'
import { test } from './case.ts'
import { fail, pick, succeed } from './fixtures.ts'
import { crash } from './rescue.ts'
import type { World, WorldWorker } from './world.ts'

/** Two claimed tasks: the first has a place, the second was claimed ahead of its turn. */
async function claimTwo(world: World, worker: WorldWorker): Promise<[ClaimedTask, ClaimedTask]> {
  await world.add(world.task(), world.task())
  const ask = { room: new Map([['default', 2]]), early: new Map([['default', 1]]), probation: true }
  const { claimed } = await worker.write({ claim: ask })
  return claimed!.tasks as [ClaimedTask, ClaimedTask]
}

/** Claims of tasks whose attempt has not begun: a worker takes them ahead of their turn, to keep its places busy. */
export const early = [
  test('a claim marks what goes beyond the free places as claimed ahead of its turn', async (world) => {
    const [first, second] = await claimTwo(world, await world.worker())
    assert.deepEqual([first.early, second.early], [false, true])
    assert.ok(first.addedAt < second.addedAt)
    assert.deepEqual([(await world.find(first)).early, (await world.find(second)).early], [false, true])
  }),

  test('a task may be claimed ahead of its turn as it is added', async (world) => {
    const worker = await world.worker()
    const task = await worker.run({ early: true })
    assert.equal((await world.find(task)).early, true)
  }),

  test('a claim ahead of its turn that has begun is like any other', async (world) => {
    const worker = await world.worker()
    const task = await worker.run({ early: true })
    await worker.write({ begun: [{ id: task.id, claims: 2 }] })
    assert.equal((await world.find(task)).early, true, 'the claim of another attempt is not this one')
    await worker.write({ begun: [{ id: task.id, claims: 1 }] })
    assert.equal((await world.find(task)).early, false)
    await world.store.rescue(worker.incarnation, world.now)
    assert.equal((await world.find(task)).crashes, 1)
  }),

  test('a task that a dead worker held ahead of its turn counts no crash and no attempt, but is suspect', async (world) => {
    const [dying, other] = [await world.worker(), await world.worker()]
    const [running, held] = await claimTwo(world, dying)
    await world.store.rescue(dying.incarnation, world.now)
    assert.deepEqual(pick(await world.find(running), 'state', 'crashes', 'early'), {
      state: 'ready',
      crashes: 1,
      early: false,
    })
    assert.deepEqual(pick(await world.find(held), 'state', 'crashes', 'early'), {
      state: 'ready',
      crashes: 0,
      early: false,
    })
    const { tasks } = await other.claim({ room: 2 })
    const again = tasks.find(({ id }) => id === held.id)!
    assert.deepEqual([again.suspect, again.early, attemptNumber(again)], [true, false, 1])
    assert.deepEqual(await other.finish(succeed(again)), [true])
  }),

  test('however often workers die with it ahead of its turn, a task is not quarantined', async (world) => {
    const task = world.task()
    await world.add(task)
    for (let death = 1; death <= 4; death++) {
      const dying = await world.worker()
      const ask = { room: new Map([['default', 1]]), early: new Map([['default', 1]]), probation: false }
      assert.equal((await dying.write({ claim: ask })).claimed!.tasks.length, 1)
      const { quarantined } = await world.store.rescue(dying.incarnation, world.now)
      assert.deepEqual(quarantined, [])
    }
    assert.deepEqual(pick(await world.find(task), 'state', 'crashes'), { state: 'ready', crashes: 0 })
  }),

  test('what has crashed before counts as begun only when that is written, also on a free place', async (world) => {
    const task = world.task()
    await world.add(task)
    await crash(world, 1)
    for (const isBegun of [false, true, false, false, true]) {
      const dying = await world.worker()
      const { id, claims, crashes, early: marked } = await dying.claimOne()
      assert.equal(marked, true)
      if (isBegun) await dying.write({ begun: [{ id, claims }] })
      await world.store.rescue(dying.incarnation, world.now)
      assert.equal((await world.find(task)).crashes, crashes + (isBegun ? 1 : 0))
    }
    assert.deepEqual(await world.states(task), ['quarantined'])
  }),

  test('requeue: what failed ahead of its turn is claimed like any other afterwards', async (world) => {
    const worker = await world.worker()
    const task = await worker.run({ early: true })
    await worker.finish(fail(task))
    await world.store.requeue(task.id, world.now)
    assert.equal((await worker.claimOne()).early, false)
    await world.store.rescue(worker.incarnation, world.now)
    assert.equal((await world.find(task)).crashes, 1)
  }),

  test('handBack of a claim that has not begun leaves no trace in the counters that people see', async (world) => {
    for (const all of [true, false]) {
      const worker = await world.worker()
      const task = await worker.run({ early: true })
      await worker.store.handBack(worker.incarnation, all ? 'all' : [task], world.now)
      const record = await world.find(task)
      assert.deepEqual(pick(record, 'state', 'handBacks', 'crashes'), { state: 'ready', handBacks: 0, crashes: 0 })
      assert.equal(attemptNumber(record), 0)
    }
  }),
]
