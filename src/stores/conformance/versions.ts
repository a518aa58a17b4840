import assert from 'node:assert/strict'
import type { NewTask } from '../../model/task.ts'
import { test, testOf } from './case.ts'
import { ids, pick, retry, succeed, versioned } from './fixtures.ts'

/** Versions of definitions: they travel with each task, and say who may run it. */
export const versions = [
  test('a task has the version that it was added with, whoever looks', async (world) => {
    const worker = await world.worker({ definitions: versioned('work@3') })
    const tasks = [3, 1, 2].map((version) => world.task({ version }))
    await world.add(...tasks)
    const { tasks: claimed } = await worker.claim()
    assert.deepEqual(
      claimed.map(({ id, name, version }) => ({ id, name, version })),
      tasks.map(({ id, name, version }) => ({ id, name, version })),
    )
    const listed = await world.store.list({
      states: undefined,
      queue: undefined,
      name: 'work',
      requestId: undefined,
      series: undefined,
      before: undefined,
      limit: 10,
    })
    assert.deepEqual(
      listed.tasks.map(({ id, version }) => ({ id, version })),
      tasks.map(({ id, version }) => ({ id, version })).toReversed(),
    )
  }),

  test('a worker is given no task of a version newer than it knows, and each older one', async (world) => {
    const [old, middle] = [await world.worker(), await world.worker({ definitions: versioned('work@2') })]
    const [newest, newer, plain] = [world.task({ version: 3 }), world.task({ version: 2 }), world.task()]
    await world.add(newest, newer, plain)
    assert.deepEqual(ids((await old.claim()).tasks), [plain.id])
    assert.deepEqual(ids((await middle.claim()).tasks), [newer.id])
    assert.deepEqual(pick(await world.find(newest), 'state', 'claims'), { state: 'ready', claims: 0 })
    const young = await world.worker({ definitions: versioned('work@9') })
    assert.equal((await young.claimOne()).id, newest.id)
  }),

  test('priority and age count across the versions of a name', async (world) => {
    const worker = await world.worker({ definitions: versioned('work@2') })
    const [first, second, third] = [world.task({ version: 2 }), world.task(), world.task({ version: 2 })]
    const urgent = world.task({ priority: 1 })
    await world.add(third, second, first, urgent)
    assert.deepEqual(ids((await worker.claim({ room: 3 })).tasks), ids([urgent, first, second]))
  }),

  test('what an outcome releases is left to others when its version is too new for the worker', async (world) => {
    const worker = await world.worker()
    const [first, second] = world.series(2) as [NewTask, NewTask]
    const behind = { ...second, version: 2 }
    await worker.write({ adds: [{ ...first, claimFor: worker.incarnation }, behind] })
    const room = new Map([['default', 5]])
    const written = await worker.write({
      outcomes: [succeed({ id: first.id, claims: 1 })],
      claim: { room, probation: false },
    })
    assert.deepEqual([written.released, written.claimed?.tasks], [[], []])
    const young = await world.worker({ definitions: versioned('work@2') })
    assert.deepEqual(pick(await young.claimOne(), 'id', 'version'), { id: second.id, version: 2 })
  }),

  test('a task on probation, one that is repeated and one that is given back keep their version', async (world) => {
    const task = world.task({ version: 2 })
    await world.add(task)
    for (let crash = 1; crash <= 2; crash++) {
      const dying = await world.worker({ definitions: versioned('work@2') })
      await dying.beginOne()
      await world.store.rescue(dying.incarnation, world.now)
    }
    const old = await world.worker()
    assert.deepEqual((await old.claim({ probation: 'first' })).tasks, [])
    const young = await world.worker({ definitions: versioned('work@2') })
    const claimed = await young.beginOne({ probation: 'first' })
    await young.finish(retry(claimed, world.now))
    assert.deepEqual((await old.claim()).tasks, [])
    const again = await young.claimOne()
    await young.store.handBack(young.incarnation, [again], world.now)
    assert.deepEqual(pick(await world.find(task), 'state', 'version'), { state: 'ready', version: 2 })
    assert.deepEqual((await old.claim()).tasks, [])
  }),

  test('an id of the caller is the same task in another version, if its input is', async (world) => {
    const own = { id: 'own', idempotent: true }
    await world.add(world.task(own))
    assert.deepEqual(await world.add(world.task({ ...own, version: 2 })), [{ kind: 'exists', state: 'ready' }])
    assert.equal((await world.find('own')).version, 1)
  }),

  test('many tasks that differ in their version only keep it', async (world) => {
    const tasks = Array.from({ length: 40 }, (_, i) => world.task({ version: i < 20 ? 1 : 1 + (i % 2) }))
    await world.add(...tasks)
    for (const { id, version } of tasks) assert.equal((await world.find(id)).version, version)
  }),

  test('the same name in another queue has versions of its own', async (world) => {
    const worker = await world.worker({ queues: ['one', 'two'], definitions: versioned('work@2') })
    await world.add(world.task({ queue: 'one', version: 2 }), world.task({ queue: 'two' }))
    const { tasks } = await worker.claim({ room: { one: 2, two: 2 } })
    assert.deepEqual(
      tasks.map(({ queue, version }) => [queue, version]),
      [
        ['one', 2],
        ['two', 1],
      ],
    )
  }),

  testOf('persistent', 'versions are there after everybody has left and come back', async (world) => {
    const task = world.task({ version: 7 })
    await world.add(task)
    const store = await world.reopen()
    assert.equal((await store.find(task.id))?.version, 7)
    const worker = await world.worker({ definitions: versioned('work@7') }, store)
    assert.equal((await worker.claimOne()).version, 7)
  }),
] as const
