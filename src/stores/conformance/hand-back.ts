import assert from 'node:assert/strict'
import { attemptNumber, type NewTask } from '../../model/task.ts'
import type { Written } from '../../ports/store.ts'
import { test } from './case.ts'
import { ids, pick, succeed } from './fixtures.ts'

/** What a stopping worker gives back. */
export const handBack = [
  test('handBack: a running task becomes ready, and its attempt is not spent', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    assert.deepEqual(await worker.store.handBack(worker.incarnation, 'all', world.now), [task.id])
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'handBacks', 'crashes'), {
      state: 'ready',
      worker: undefined,
      handBacks: 1,
      crashes: 0,
    })
    const again = await other.claimOne()
    assert.deepEqual(pick(again, 'claims', 'handBacks'), { claims: 2, handBacks: 1 })
    assert.equal(attemptNumber(again), 1)
    assert.deepEqual(await other.finish(succeed(again)), [true])
  }),

  test("all of a worker's claims go back, and nobody else's", async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const mine = [await worker.run(), await worker.run({ queue: 'mail' }), await worker.run()]
    const theirs = await other.run()
    const back = await worker.store.handBack(worker.incarnation, 'all', world.now)
    assert.deepEqual([...back].sort(), ids(mine))
    assert.deepEqual(await world.states(...mine, theirs), ['ready', 'ready', 'ready', 'running'])
  }),

  test('what the writes before it claimed and recorded counts, although nobody has waited for their answers', async (world) => {
    const worker = await world.worker()
    const [ended, added] = [await worker.run(), world.task({ claimFor: worker.incarnation })]
    const writing = [worker.write({ outcomes: [succeed(ended)] }), worker.write({ adds: [added] })]
    const back = await worker.store.handBack(worker.incarnation, 'all', world.now)
    assert.deepEqual(back, [added.id])
    const [{ recorded }] = (await Promise.all(writing)) as [Written, Written]
    assert.deepEqual(recorded, [true])
    assert.deepEqual(await world.states(ended, added), ['succeeded', 'ready'])
  }),

  test('only the named ones go back when some are named', async (world) => {
    const worker = await world.worker()
    const tasks = [await worker.run(), await worker.run(), await worker.run()] as const
    const back = await worker.store.handBack(worker.incarnation, [tasks[2], tasks[0]], world.now)
    assert.deepEqual([...back].sort(), ids([tasks[0], tasks[2]]))
    assert.deepEqual(await world.states(...tasks), ['ready', 'running', 'ready'])
  }),

  test('a claim that is not held is not given back', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const [stale, theirs, ended] = [await worker.run(), await other.run(), await worker.run()]
    await worker.finish(succeed(ended))
    const claims = [{ ...stale, claims: 2 }, theirs, ended, { id: world.task().id, claims: 1 }]
    assert.deepEqual(await worker.store.handBack(worker.incarnation, claims, world.now), [])
    assert.deepEqual(await world.states(stale, theirs, ended), ['running', 'running', 'succeeded'])
  }),

  test('a worker that holds nothing gives nothing back', async (world) => {
    const worker = await world.worker()
    assert.deepEqual(await worker.store.handBack(worker.incarnation, 'all', world.now), [])
    assert.deepEqual(await worker.store.handBack(worker.incarnation, [], world.now), [])
  }),

  test('a task that was to be cancelled is cancelled instead, with all and by name', async (world) => {
    const worker = await world.worker()
    for (const named of [false, true]) {
      const [task, next] = world.series(2, { claimFor: worker.incarnation }) as [NewTask, NewTask]
      await worker.write({ adds: [task, next] })
      await world.store.cancel(task.id, world.now)
      world.pass(10)
      await worker.store.handBack(worker.incarnation, named ? [{ id: task.id, claims: 1 }] : 'all', world.now)
      assert.deepEqual(pick(await world.find(task), 'state', 'finishedAt', 'worker', 'handBacks'), {
        state: 'cancelled',
        finishedAt: world.now,
        worker: undefined,
        handBacks: 0,
      })
      assert.deepEqual(await world.states(next), ['ready'])
    }
    assert.equal(await world.recount(), 2)
    assert.equal((await worker.write({})).live, 2)
  }),

  test('a cancel that was asked for is not brought about by a claim that is not held', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    await world.store.cancel(task.id, world.now)
    assert.deepEqual(await worker.store.handBack(worker.incarnation, [{ ...task, claims: 2 }], world.now), [])
    assert.deepEqual(await other.store.handBack(other.incarnation, [task], world.now), [])
    assert.deepEqual(await other.store.handBack(other.incarnation, 'all', world.now), [])
    assert.deepEqual(pick(await world.find(task), 'state', 'cancelling'), { state: 'running', cancelling: true })
  }),

  test('a worker can retire after it gave everything back', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    await worker.store.handBack(worker.incarnation, 'all', world.now)
    await worker.store.retire(worker.incarnation)
    assert.equal((await other.claimOne()).id, task.id)
    const { requeued } = await other.store.rescue(worker.incarnation, world.now)
    assert.deepEqual(requeued, [])
  }),

  test('a worker that holds a claim stays registered when it retires, so that others find and rescue it', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const task = await worker.run()
    await worker.store.retire(worker.incarnation)
    assert.deepEqual(
      (await other.store.workers()).map(({ incarnation }) => incarnation),
      [worker.incarnation, other.incarnation],
    )
    const { requeued } = await other.store.rescue(worker.incarnation, world.now)
    assert.deepEqual(requeued, [task.id])
    assert.deepEqual(
      (await other.store.workers()).map(({ incarnation }) => incarnation),
      [other.incarnation],
    )
  }),
] as const
