import assert from 'node:assert/strict'
import type { ClaimedTask, NewTask } from '../../model/task.ts'
import { test } from './case.ts'
import { ids, json, pick, versioned } from './fixtures.ts'
import { ask } from './world.ts'

/** Who gets which ready tasks. */
export const claiming = [
  test('claim: a ready task becomes running and belongs to the worker', async (world) => {
    const worker = await world.worker()
    const task = world.task()
    await world.add(task)
    await worker.claimOne()
    assert.deepEqual(pick(await world.find(task), 'state', 'worker', 'claims'), {
      state: 'running',
      worker: worker.incarnation,
      claims: 1,
    })
    assert.deepEqual((await worker.claim()).tasks, [])
  }),

  test('a claim gives all that an attempt needs', async (world) => {
    const worker = await world.worker()
    const fields = { priority: 4, input: json([1]), requestId: 'request-7', carried: json({ a: 1 }) }
    const [task] = world.series(1, fields) as [NewTask]
    await world.add(task)
    const { id, name, queue, addedAt } = task
    assert.deepEqual(await worker.claimOne(), {
      ...fields,
      id,
      name,
      queue,
      version: 1,
      addedAt,
      series: id,
      claims: 1,
      crashes: 0,
      handBacks: 0,
      deferrals: 0,
      early: false,
      suspect: false,
    } satisfies ClaimedTask)
  }),

  test('a ready task is claimed by exactly one of two workers', async (world) => {
    const workers = [await world.worker(), await world.worker()]
    const tasks = Array.from({ length: 40 }, () => world.task())
    await world.add(...tasks)
    const rounds = await Promise.all(
      [1, 2, 3, 4].flatMap(() => workers.map(async (worker) => ({ worker, claimed: await worker.claim({ room: 6 }) }))),
    )
    const given = rounds.flatMap(({ worker, claimed }) =>
      claimed.tasks.map(({ id }) => ({ id, by: worker.incarnation })),
    )
    assert.deepEqual(given.map(({ id }) => id).sort(), ids(tasks))
    for (const { id, by } of given) assert.equal((await world.find(id)).worker, by)
  }),

  test('the highest priority comes first, then the oldest', async (world) => {
    const worker = await world.worker()
    const [low, early, late, high] = [
      world.task({ priority: -1 }),
      world.task(),
      world.task(),
      world.task({ priority: 9 }),
    ]
    await world.add(late, low, high, early)
    assert.deepEqual(ids((await worker.claim({ room: 2 })).tasks), ids([high, early]))
    assert.deepEqual(ids((await worker.claim({ room: 5 })).tasks), ids([late, low]))
  }),

  test('priority and age count across the names of a queue', async (world) => {
    const worker = await world.worker({ definitions: versioned('a', 'b') })
    const [first, second, third] = [world.task({ name: 'b' }), world.task({ name: 'a' }), world.task({ name: 'b' })]
    await world.add(first, second, third, world.task({ name: 'a' }))
    assert.deepEqual(ids((await worker.claim({ room: 3 })).tasks), ids([first, second, third]))
  }),

  test('each queue gives no more than it has room for', async (world) => {
    const worker = await world.worker()
    const of = (queue: string): NewTask[] => Array.from({ length: 4 }, () => world.task({ queue }))
    const [one, two, three, four] = [of('one'), of('two'), of('three'), of('four')]
    await world.add(...one, ...two, ...three, ...four)
    const { tasks } = await worker.claim({ room: { two: 3, one: 1, three: 0 } })
    assert.deepEqual(ids(tasks).sort(), ids([...one.slice(0, 1), ...two.slice(0, 3)]).sort())
    assert.deepEqual(
      await world.states(...three, ...four),
      Array.from({ length: 8 }, () => 'ready'),
    )
  }),

  test("a task whose name the worker does not know is left alone, and is in nobody's way", async (world) => {
    const worker = await world.worker({ definitions: versioned('work', 'more') })
    const strange = Array.from({ length: 30 }, () => world.task({ name: 'strange', priority: 5 }))
    const known = world.task()
    await world.add(...strange, known)
    assert.equal((await worker.claimOne({ room: 1 })).id, known.id)
    assert.deepEqual((await worker.claim({ room: 50 })).tasks, [])
    assert.deepEqual(pick(await world.find(strange[0]!), 'state', 'claims'), { state: 'ready', claims: 0 })
  }),

  test('a worker that knows no name claims nothing', async (world) => {
    const worker = await world.worker({ definitions: versioned() })
    await world.add(world.task())
    assert.deepEqual((await worker.claim()).tasks, [])
  }),

  test('names are told apart to the letter', async (world) => {
    const worker = await world.worker({ definitions: versioned('work', 'w_rk', 'w%') })
    await world.add(world.task({ name: 'Work' }), world.task({ name: 'wörk' }), world.task({ name: 'work2' }))
    assert.deepEqual((await worker.claim()).tasks, [])
    await world.add(world.task({ queue: 'Default' }))
    assert.deepEqual((await worker.claim()).tasks, [])
  }),

  test('two workers of one process know names of their own', async (world) => {
    const mail = await world.worker({ definitions: versioned('mail') })
    const work = await world.worker({ definitions: versioned('work') })
    const tasks = [world.task({ name: 'mail' }), world.task({ name: 'work' })] as const
    await world.add(...tasks)
    assert.equal((await mail.claimOne()).id, tasks[0].id)
    assert.equal((await work.claimOne()).id, tasks[1].id)
  }),

  test('a write that asks for no claim claims nothing', async (world) => {
    const worker = await world.worker()
    const task = world.task()
    await world.add(task)
    assert.equal((await worker.write({})).claimed, undefined)
    assert.equal((await world.write(world.store, undefined, { claim: ask() })).claimed, undefined)
    assert.deepEqual(await world.states(task), ['ready'])
  }),

  test('a claim that leaves tasks for lack of room says that there are more', async (world) => {
    const worker = await world.worker()
    await world.add(world.task(), world.task(), world.task())
    assert.equal((await worker.claim({ room: 2 })).more, true)
    assert.equal((await worker.claim({ room: 2 })).more, false)
  }),

  test('a paused queue gives nothing, and neither does it for those who add', async (world) => {
    const worker = await world.worker()
    const [paused, open] = [world.task({ queue: 'paused' }), world.task()]
    await world.store.pause('paused', true)
    const added = await worker.run({ queue: 'paused' })
    await world.add(paused, open)
    const { tasks } = await worker.claim({ room: { paused: 5, default: 5 } })
    assert.deepEqual(ids(tasks), [open.id])
    assert.deepEqual(await world.states(added, paused), ['ready', 'ready'])

    await world.store.pause('paused', false)
    assert.deepEqual(ids((await worker.claim({ room: { paused: 5 } })).tasks), ids([paused, added]).sort())
  }),

  test('due: a scheduled task is made ready when its time has come, not a millisecond earlier', async (world) => {
    const worker = await world.worker()
    const task = world.task({ dueAt: world.now + 1_000 })
    await world.add(task)
    world.pass(task.dueAt! - world.now - 1)
    assert.deepEqual((await worker.claim()).tasks, [])
    assert.deepEqual(await world.states(task), ['scheduled'])
    world.pass(1)
    assert.equal((await worker.claimOne()).id, task.id)
    assert.deepEqual(pick(await world.find(task), 'state', 'dueAt'), { state: 'running', dueAt: undefined })
  }),

  test('a due task for which there is no room is ready, and the write says so', async (world) => {
    const worker = await world.worker()
    const task = world.task({ queue: 'mail', dueAt: world.now + 10 })
    await world.add(task)
    world.pass(10)
    const { ready, claimed } = await worker.write({ claim: ask({ room: { default: 1 } }) })
    assert.deepEqual([...ready], ['mail'])
    assert.deepEqual(claimed?.tasks, [])
    assert.deepEqual(await world.states(task), ['ready'])
  }),

  test('a claim says when the next scheduled task is due', async (world) => {
    const worker = await world.worker()
    assert.equal((await worker.claim()).nextDueAt, undefined)
    const [soon, later] = [world.now + 5_000, world.now + 9_000]
    await world.add(world.task({ dueAt: later }), world.task({ dueAt: soon, queue: 'mail', name: 'strange' }))
    assert.equal((await worker.claim()).nextDueAt, soon)
    world.pass(6_000)
    assert.equal((await worker.claim()).nextDueAt, later)
  }),

  test('a task that was due in the past when it was added is claimed like any other', async (world) => {
    const worker = await world.worker()
    const task = world.task({ dueAt: world.now - 1_000 })
    const { claimed } = await worker.write({ adds: [task], claim: ask() })
    assert.deepEqual(ids(claimed?.tasks ?? []), [task.id])
  }),

  test('many tasks that are due at once all become ready, in as many claims as it takes', async (world) => {
    const worker = await world.worker()
    const dueAt = world.now + 1_000
    await world.add(...Array.from({ length: 700 }, () => world.task({ dueAt })))
    world.pass(1_000)
    let claimed = 0
    for (let more = true; more;) {
      const claim = await worker.claim({ room: 1_000 })
      claimed += claim.tasks.length
      more = claim.more
    }
    assert.equal(claimed, 700)
  }),
] as const
