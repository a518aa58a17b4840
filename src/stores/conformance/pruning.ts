import assert from 'node:assert/strict'
import type { Retention, TaskId } from '../../model/task.ts'
import { test } from './case.ts'
import { cancelled, fail, ids, succeed } from './fixtures.ts'
import type { World } from './world.ts'

const HOUR = 3_600_000
const KEEP_ALL: Retention = { succeeded: HOUR, failed: HOUR, cancelled: HOUR, quarantined: HOUR }

/** Prunes until the store has seen all, and says how many went. */
async function pruneAll(world: World, retention: Retention, limit = 1_000): Promise<number> {
  let total = 0
  for (let piece = 1; ; piece++) {
    const { removed, done } = await world.store.prune(retention, world.now, limit)
    assert.ok(removed <= limit, `${removed} tasks were removed in a piece of ${limit}`)
    total += removed
    if (done) return total
    assert.ok(piece < 1_000, 'prune never says that it has seen all')
  }
}

async function left(world: World, tasks: readonly { readonly id: TaskId }[]): Promise<TaskId[]> {
  const found = await Promise.all(tasks.map(({ id }) => world.store.find(id)))
  return found.flatMap((record) => (record === undefined ? [] : [record.id]))
}

/** What becomes of tasks that have ended. */
export const pruning = [
  test('a task that has ended is kept for its retention, and goes after it', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    world.pass(5 * HOUR)
    await worker.finish(succeed(task))
    world.pass(HOUR - 1)
    assert.equal(await pruneAll(world, KEEP_ALL), 0)
    assert.deepEqual(await world.states(task), ['succeeded'])
    world.pass(2)
    assert.equal(await pruneAll(world, KEEP_ALL), 1)
    assert.equal(await world.store.find(task.id), undefined)
  }),

  test('each final state has its own retention', async (world) => {
    const tasks = { succeeded: world.task(), failed: world.task(), cancelled: world.task(), quarantined: world.task() }
    await world.add(tasks.quarantined)
    for (let crash = 1; crash <= 3; crash++) {
      const dying = await world.worker()
      await dying.beginOne()
      await world.store.rescue(dying.incarnation, world.now)
    }
    const worker = await world.worker()
    const adds = [tasks.succeeded, tasks.failed, tasks.cancelled]
    await worker.write({ adds: adds.map((task) => ({ ...task, claimFor: worker.incarnation })) })
    const [done, failed, gone] = adds.map(({ id }) => ({ id, claims: 1 }))
    await worker.finish(succeed(done!), fail(failed!), cancelled(gone!))
    world.pass(10)
    for (const [state, { id }] of Object.entries(tasks)) {
      assert.equal(await pruneAll(world, { ...KEEP_ALL, [state]: 5 }), 1, state)
      assert.equal(await world.store.find(id), undefined)
    }
  }),

  test('a retention of nothing removes what has ended', async (world) => {
    const worker = await world.worker()
    await worker.finish(succeed(await worker.run()))
    assert.equal(await pruneAll(world, { ...KEEP_ALL, succeeded: 0 }), 1)
  }),

  test('live tasks stay, however old they are', async (world) => {
    const worker = await world.worker()
    const running = await worker.run()
    const tasks = [
      running,
      world.task(),
      world.task({ dueAt: world.now + HOUR }),
      world.task({ after: running.id }),
    ] as const
    await world.add(...tasks.slice(1))
    world.pass(1_000 * HOUR)
    assert.equal(await pruneAll(world, { succeeded: 0, failed: 0, cancelled: 0, quarantined: 0 }), 0)
    assert.deepEqual(await left(world, tasks), ids(tasks))
    assert.equal((await worker.write({})).live, 4)
  }),

  test('a task that was requeued is live again and stays', async (world) => {
    const worker = await world.worker()
    const task = await worker.run()
    await worker.finish(fail(task))
    await world.store.requeue(task.id, world.now)
    world.pass(2 * HOUR)
    assert.equal(await pruneAll(world, KEEP_ALL), 0)
    assert.deepEqual(await world.states(task), ['ready'])
  }),

  test('pruning goes in pieces and misses nothing', async (world) => {
    const worker = await world.worker()
    const [old, live, late] = [[], [], []] as [{ id: TaskId }[], { id: TaskId }[], { id: TaskId }[]]
    for (let i = 0; i < 30; i++) {
      const idempotent = i % 3 === 0
      const task = await worker.run(idempotent ? { id: `own:${i}`, idempotent } : {})
      if (i % 5 === 0) live.push(task)
      else old.push(task)
    }
    await worker.finish(...old.map(({ id }) => succeed({ id, claims: 1 })))
    world.pass(HOUR + 1)
    const task = await worker.run()
    late.push(task)
    await worker.finish(succeed(task))
    assert.equal(await pruneAll(world, KEEP_ALL, 4), old.length)
    assert.deepEqual(await left(world, old), [])
    assert.deepEqual(await left(world, [...live, ...late]), ids([...live, ...late]))
    assert.equal(await pruneAll(world, KEEP_ALL, 4), 0)
  }),

  test("an id of the caller's own can be added again once its task is pruned", async (world) => {
    const worker = await world.worker()
    const task = await worker.run({ id: 'welcome:42', idempotent: true })
    await worker.finish(succeed(task))
    world.pass(HOUR + 1)
    await pruneAll(world, KEEP_ALL)
    const again = { ...task, claimFor: undefined, addedAt: world.now }
    assert.deepEqual(await world.add(again), [{ kind: 'added', state: 'ready' }])
    assert.equal((await worker.claimOne()).id, task.id)
  }),
] as const
