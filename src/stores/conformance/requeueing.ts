import assert from 'node:assert/strict'
import { attemptNumber, type TaskId } from '../../model/task.ts'
import { test } from './case.ts'
import { cancelled, type Claim, fail, json, pick, retry, succeed } from './fixtures.ts'
import type { World } from './world.ts'

/** A task that failed at its second attempt, after a crash, a hand-back and a free retry. */
async function wornOut(world: World): Promise<TaskId> {
  const dying = await world.worker()
  const { id } = await dying.run({ input: json('kept') })
  const worker = await world.worker()
  await worker.store.rescue(dying.incarnation, world.now)
  await worker.store.handBack(worker.incarnation, [await worker.beginOne()], world.now)
  await worker.finish(retry(await worker.claimOne(), world.now, false))
  await worker.finish(retry(await worker.claimOne(), world.now))
  await worker.finish(fail(await worker.claimOne()))
  await worker.store.retire(worker.incarnation)
  return id
}

/** Bringing tasks back that have ended badly. */
export const requeueing = [
  test('requeue: a failed task becomes ready, with fresh counters', async (world) => {
    const id = await wornOut(world)
    assert.deepEqual(pick(await world.find(id), 'state', 'claims', 'crashes', 'handBacks', 'deferrals'), {
      state: 'failed',
      claims: 5,
      crashes: 1,
      handBacks: 1,
      deferrals: 1,
    })
    assert.equal(await world.store.requeue(id, world.now), true)
    const record = await world.find(id)
    assert.deepEqual(pick(record, 'state', 'crashes', 'handBacks', 'finishedAt', 'cancelling', 'result', 'input'), {
      state: 'ready',
      crashes: 0,
      handBacks: 0,
      finishedAt: undefined,
      cancelling: false,
      result: undefined,
      input: json('kept'),
    })
    assert.equal(attemptNumber(await (await world.worker()).claimOne()), 1)
  }),

  test('requeue: a cancelled task becomes ready, and its cancel is over', async (world) => {
    const worker = await world.worker()
    const [idle, running] = [world.task(), await worker.run()]
    await world.add(idle)
    for (const { id } of [idle, running]) await world.store.cancel(id, world.now)
    await worker.finish(cancelled(running))
    for (const { id } of [idle, running]) assert.equal(await world.store.requeue(id, world.now), true)
    assert.deepEqual(await world.states(idle, running), ['ready', 'ready'])
    const { tasks, cancelling } = await worker.claim()
    assert.deepEqual({ claimed: tasks.length, cancelling }, { claimed: 2, cancelling: [] })
  }),

  test('requeue: a quarantined task becomes ready, off probation', async (world) => {
    const task = world.task()
    await world.add(task)
    for (let crash = 1; crash <= 3; crash++) {
      const worker = await world.worker()
      await worker.beginOne()
      await world.store.rescue(worker.incarnation, world.now)
    }
    assert.deepEqual(await world.states(task), ['quarantined'])
    assert.equal(await world.store.requeue(task.id, world.now), true)
    const again = await (await world.worker()).claimOne({ probation: false })
    assert.deepEqual({ crashes: again.crashes, attempt: attemptNumber(again) }, { crashes: 0, attempt: 1 })
  }),

  test('a requeued task can fail, be requeued and succeed', async (world) => {
    const worker = await world.worker()
    let claim: Claim = await worker.run()
    for (let round = 1; round <= 3; round++) {
      await worker.finish(fail(claim))
      assert.equal(await world.store.requeue(claim.id, world.now), true)
      claim = await worker.claimOne()
    }
    assert.deepEqual(await worker.finish(succeed(claim, { result: json(1) })), [true])
    assert.deepEqual(pick(await world.find(claim), 'state', 'result'), { state: 'succeeded', result: json(1) })
  }),

  test('a requeued task counts as live', async (world) => {
    const worker = await world.worker()
    await worker.finish(fail(await worker.run()), fail(await worker.run()))
    const task = await worker.run()
    await worker.finish(fail(task))
    await world.store.requeue(task.id, world.now)
    assert.equal((await worker.write({})).live, 1)
    assert.equal(await world.recount(), 1)
  }),

  test('a task that is live, that succeeded, or that nobody added, is not requeued', async (world) => {
    const worker = await world.worker()
    const done = await worker.run()
    await worker.finish(succeed(done))
    const running = await worker.run()
    const [ready, scheduled, waiting] = [
      world.task(),
      world.task({ dueAt: world.now + 1_000 }),
      world.task({ after: running.id }),
    ]
    await world.add(ready, scheduled, waiting)
    for (const { id } of [done, running, ready, scheduled, waiting, world.task()]) {
      assert.equal(await world.store.requeue(id, world.now), false)
    }
    assert.deepEqual(await world.states(done, running, ready, scheduled, waiting), [
      'succeeded',
      'running',
      'ready',
      'scheduled',
      'waiting',
    ])
  }),
] as const
