import assert from 'node:assert/strict'
import { test } from './case.ts'
import { cancelled, fail, ids, pick, retry, succeed } from './fixtures.ts'
import { ask } from './world.ts'

/** What a cancel does to a task, by where it stands. */
export const cancelling = [
  test('cancel: a ready task becomes cancelled at once and is claimed by nobody', async (world) => {
    const worker = await world.worker()
    const task = world.task()
    await world.add(task)
    world.pass(10)
    assert.deepEqual(await world.store.cancel(task.id, world.now), { kind: 'cancelled' })
    assert.deepEqual(pick(await world.find(task), 'state', 'finishedAt', 'cancelling'), {
      state: 'cancelled',
      finishedAt: world.now,
      cancelling: false,
    })
    assert.deepEqual((await worker.claim()).tasks, [])
    assert.equal((await worker.write({})).live, 0)
  }),

  test('cancel: a scheduled task becomes cancelled at once and is never due', async (world) => {
    const worker = await world.worker()
    const task = world.task({ dueAt: world.now + 100 })
    await world.add(task)
    assert.deepEqual(await world.store.cancel(task.id, world.now), { kind: 'cancelled' })
    assert.equal((await worker.claim()).nextDueAt, undefined)
    world.pass(200)
    assert.deepEqual((await worker.claim()).tasks, [])
    assert.deepEqual(pick(await world.find(task), 'state', 'dueAt'), { state: 'cancelled', dueAt: undefined })
  }),

  test('cancel: a waiting task becomes cancelled at once', async (world) => {
    const worker = await world.worker()
    const first = await worker.run()
    const task = world.task({ after: first.id })
    await world.add(task)
    assert.deepEqual(await world.store.cancel(task.id, world.now), { kind: 'cancelled' })
    assert.deepEqual(await world.states(task), ['cancelled'])
    assert.equal((await worker.write({})).live, 1)
  }),

  test('a cancel between two attempts ends the task', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await worker.finish(retry(task, world.now + 100))
    assert.deepEqual(await world.store.cancel(task.id, world.now), { kind: 'cancelled' })
    world.pass(200)
    assert.deepEqual((await worker.claim()).tasks, [])
  }),

  test('a running task is not ended by a cancel: its worker is named, and told with its next claim', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    const [task] = [await worker.run(), await worker.run(), await other.run()]
    const answer = { kind: 'requested', worker: worker.incarnation }
    assert.deepEqual(await other.store.cancel(task.id, world.now), answer)
    assert.deepEqual(await other.store.cancel(task.id, world.now), answer)
    assert.deepEqual(pick(await world.find(task), 'state', 'cancelling', 'worker'), {
      state: 'running',
      cancelling: true,
      worker: worker.incarnation,
    })
    assert.deepEqual((await worker.claim()).cancelling, [task.id])
    assert.deepEqual((await other.claim()).cancelling, [])
    await worker.finish(cancelled(task))
    assert.deepEqual((await worker.claim()).cancelling, [])
  }),

  test('a cancel wins over a retry', async (world) => {
    const worker = await world.worker()
    const [task, free] = [await worker.run(), await worker.run()]
    for (const { id } of [task, free]) await world.store.cancel(id, world.now)
    world.pass(10)
    assert.deepEqual(await worker.finish(retry(task, world.now), retry(free, world.now, false)), [true, true])
    for (const each of [task, free]) {
      assert.deepEqual(pick(await world.find(each), 'state', 'finishedAt', 'worker', 'dueAt'), {
        state: 'cancelled',
        finishedAt: world.now,
        worker: undefined,
        dueAt: undefined,
      })
    }
    assert.equal(await world.recount(), 0)
  }),

  test('a success and a failure for good win over a cancel', async (world) => {
    const worker = await world.worker()
    const [done, failed] = [await worker.run(), await worker.run()]
    for (const { id } of [done, failed]) await world.store.cancel(id, world.now)
    assert.deepEqual(await worker.finish(succeed(done), fail(failed)), [true, true])
    assert.deepEqual(await world.states(done, failed), ['succeeded', 'failed'])
  }),

  test('a cancel of a task that has ended changes nothing, however it ended', async (world) => {
    const worker = await world.worker()
    const [done, failed, gone] = [await worker.run(), await worker.run(), await worker.run()]
    await worker.finish(succeed(done), fail(failed), cancelled(gone))
    const before = [await world.find(done), await world.find(failed), await world.find(gone)]
    world.pass(10)
    for (const record of before) {
      assert.deepEqual(await world.store.cancel(record.id, world.now), { kind: 'finished' })
      assert.deepEqual(await world.find(record), record)
    }
    assert.equal((await worker.write({})).live, 0)
  }),

  test('a cancel of a task that nobody added says so', async (world) => {
    for (const id of [world.task().id, 'welcome:42']) {
      assert.deepEqual(await world.store.cancel(id, world.now), { kind: 'unknown' })
    }
  }),

  test('a cancel and a claim at once: the task is cancelled, or it runs and its worker is named', async (world) => {
    const [worker, other] = [await world.worker(), await world.worker()]
    for (let i = 0; i < 20; i++) {
      const task = world.task()
      await world.add(task)
      const claiming = worker.write({ claim: ask() })
      const [{ claimed }, answer] = await Promise.all([claiming, other.store.cancel(task.id, world.now)])
      const isClaimed = ids(claimed?.tasks ?? []).includes(task.id)
      assert.deepEqual(answer, isClaimed ? { kind: 'requested', worker: worker.incarnation } : { kind: 'cancelled' })
    }
  }),
] as const
