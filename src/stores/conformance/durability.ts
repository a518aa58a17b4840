import assert from 'node:assert/strict'
import type { NewTask } from '../../model/task.ts'
import { test, testOf } from './case.ts'
import { json, pick, retry, succeed } from './fixtures.ts'

/** What lasts. A power cut cannot be made here; see the tests of each store. */
export const durability = [
  test('a write is durable in the end, whatever was asked for', async (world) => {
    const tasks = [world.task({ durability: 'power' }), world.task({ durability: 'process' })] as const
    for (const task of tasks) {
      const { durability } = task
      const base = { worker: undefined, outcomes: [], progress: [], claim: undefined }
      const { durable } = await world.store.write({ ...base, adds: [task], durability }, world.now)
      assert.equal(await durable, undefined)
      assert.equal((await world.find(task)).durability, durability)
    }
  }),

  test('many writes at once are all durable in the end, and in the order in which they were asked for', async (world) => {
    const tasks = Array.from({ length: 20 }, () => world.task({ durability: 'power' }))
    const [first] = tasks as [NewTask]
    const lives = await Promise.all(
      tasks.map(async (task, i) => {
        const behind = i === 0 ? task : { ...task, after: first.id }
        const { live, added } = await world.write(world.store, undefined, { adds: [behind] })
        assert.deepEqual(added, [{ kind: 'added', state: i === 0 ? 'ready' : 'waiting' }])
        return live
      }),
    )
    assert.deepEqual(
      lives,
      tasks.map((_, i) => i + 1),
    )
  }),

  testOf('persistent', 'everything is there after the store was closed and opened again', async (world) => {
    const worker = await world.worker()
    const [done, retried, running] = [await worker.run(), await worker.run(), await worker.run()]
    const waiting = world.task({ after: running.id })
    const scheduled = world.task({ dueAt: world.now + 1_000, input: { format: 1, text: '["x"]' } })
    await worker.write({
      outcomes: [succeed(done, { result: json('done') }), retry(retried, world.now + 500)],
      adds: [waiting, scheduled],
    })
    await world.store.pause('mail', true)
    const tasks = [done, retried, running, waiting, scheduled]
    const before = await Promise.all(tasks.map((task) => world.find(task)))
    const counts = await world.store.counts()

    const store = await world.reopen()
    assert.deepEqual(await Promise.all(tasks.map((task) => world.find(task))), before)
    assert.deepEqual(await store.counts(), counts)
    assert.deepEqual([...(await store.paused())], ['mail'])
    assert.deepEqual(
      (await store.workers()).map(({ incarnation }) => incarnation),
      [worker.incarnation],
    )
    const { requeued } = await store.rescue(worker.incarnation, world.now)
    assert.deepEqual(requeued, [running.id])
    assert.equal((await world.write(store, undefined, {})).live, 4)
  }),

  testOf('shared', "two stores on the same tasks see each other's work at once", async (world) => {
    const [here, there] = [await world.worker(), await world.worker()]
    assert.notEqual(here.store, there.store)
    const task = await here.run()
    assert.equal((await there.store.find(task.id))?.state, 'running')
    await here.finish(retry(task, world.now))
    const again = await there.claimOne()
    assert.deepEqual(await here.finish(succeed(again)), [false])
    assert.deepEqual(await there.finish(succeed(again)), [true])
    assert.deepEqual(pick((await here.store.find(task.id))!, 'state', 'claims'), { state: 'succeeded', claims: 2 })
  }),

  test('to close twice is fine, and a store that is closed refuses everything', async (world) => {
    const { store } = world
    const task = world.task()
    await world.add(task)
    await store.close()
    await store.close()
    const refused = { code: 'STORE_CLOSED' }
    await assert.rejects(store.find(task.id), refused)
    await assert.rejects(store.cancel(task.id, world.now), refused)
    await assert.rejects(world.add(world.task()), refused)
  }),

  test('a store says what it can do', async (world) => {
    assert.deepEqual({ ...world.store.can }, { ...world.can })
    assert.match(world.store.url, /./)
  }),
] as const
