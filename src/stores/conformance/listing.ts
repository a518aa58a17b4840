import assert from 'node:assert/strict'
import type { TaskState } from '../../model/task-state.ts'
import type { NewTask, TaskId } from '../../model/task.ts'
import type { ListAsk } from '../../ports/store.ts'
import { test } from './case.ts'
import { cancelled, fail, ids, succeed } from './fixtures.ts'
import type { World } from './world.ts'

const EVERYTHING: ListAsk = {
  states: undefined,
  queue: undefined,
  name: undefined,
  requestId: undefined,
  series: undefined,
  before: undefined,
  limit: 1_000,
}

/** More pages than any case here has: a list that never ends must not keep the suite. */
const PAGES_MAX = 50

/** The ids that the pages hold, page by page. */
async function pages(world: World, ask: Partial<ListAsk> = {}): Promise<TaskId[][]> {
  const found: TaskId[][] = []
  let next = ask.before
  do {
    assert.ok(found.length < PAGES_MAX, `the list has gone on for ${PAGES_MAX} pages`)
    const page = await world.store.list({ ...EVERYTHING, ...ask, before: next })
    found.push(ids(page.tasks))
    next = page.next
  } while (next !== undefined)
  return found
}

async function list(world: World, ask: Partial<ListAsk> = {}): Promise<TaskId[]> {
  return (await pages(world, ask)).flat()
}

function newestFirst(...tasks: readonly { readonly id: TaskId }[]): TaskId[] {
  return ids(tasks).toReversed()
}

/** A task that so many workers have died with. */
async function crashed(world: World, crashes: number): Promise<NewTask> {
  const task = world.task()
  await world.add(task)
  for (let crash = 1; crash <= crashes; crash++) {
    const dying = await world.worker()
    await dying.beginOne()
    await world.store.rescue(dying.incarnation, world.now)
  }
  return task
}

/** Tasks in every state, the oldest first. */
async function oneOfEach(world: World): Promise<readonly (readonly [TaskState, TaskId])[]> {
  const quarantined = await crashed(world, 3)
  const probation = await crashed(world, 2)
  const worker = await world.worker()
  const [ended, failed, stopped] = [await worker.run(), await worker.run(), await worker.run()]
  await worker.finish(succeed(ended), fail(failed), cancelled(stopped))
  const running = await worker.run()
  const [waiting, scheduled, ready] = [
    world.task({ after: running.id, series: running.id }),
    world.task({ dueAt: world.now + 1_000 }),
    world.task(),
  ]
  await world.add(waiting, scheduled, ready)
  return [
    ['quarantined', quarantined.id],
    ['ready', probation.id],
    ['succeeded', ended.id],
    ['failed', failed.id],
    ['cancelled', stopped.id],
    ['running', running.id],
    ['waiting', waiting.id],
    ['scheduled', scheduled.id],
    ['ready', ready.id],
  ]
}

/** Looking at many tasks. */
export const listing = [
  test('an empty store lists nothing, and has no further page', async (world) => {
    assert.deepEqual(await pages(world), [[]])
    assert.deepEqual(await pages(world, { states: ['ready'] }), [[]])
  }),

  test('the newest come first, whatever their state, and are what find gives', async (world) => {
    const tasks = await oneOfEach(world)
    assert.deepEqual(await list(world), tasks.map(([, id]) => id).toReversed())
    for (const record of (await world.store.list(EVERYTHING)).tasks) {
      assert.deepEqual(record, await world.find(record))
    }
  }),

  test('each state is listed by itself, and together with any other', async (world) => {
    const tasks = await oneOfEach(world)
    const expected = (...states: readonly TaskState[]): TaskId[] =>
      tasks.flatMap(([state, id]) => (states.includes(state) ? [id] : [])).toReversed()
    const states = [...new Set(tasks.map(([state]) => state))]
    assert.equal(states.length, 8)
    for (const one of states) {
      for (const other of states) {
        assert.deepEqual(await list(world, { states: [one, other] }), expected(one, other), `${one} and ${other}`)
      }
    }
    assert.deepEqual(await list(world, { states }), expected(...states))
  }),

  test('pages hold as many as asked for, and together every task once', async (world) => {
    const tasks = Array.from({ length: 7 }, () => world.task())
    await world.add(...tasks)
    const expected = newestFirst(...tasks)
    for (const states of [undefined, ['ready'], ['ready', 'running'], ['ready', 'failed']] as const) {
      const found = await pages(world, { states, limit: 3 })
      assert.deepEqual(found.flat(), expected)
      assert.ok(found.every((page) => page.length <= 3))
      assert.deepEqual((await pages(world, { states, limit: 7 })).flat(), expected)
      assert.deepEqual((await pages(world, { states, limit: 1 })).flat(), expected)
    }
  }),

  test('a task that is added meanwhile moves none from one page to another', async (world) => {
    const tasks = [world.task(), world.task(), world.task()]
    await world.add(...tasks)
    const first = await world.store.list({ ...EVERYTHING, limit: 2 })
    await world.add(world.task())
    const rest = await list(world, { before: first.next, limit: 2 })
    assert.deepEqual([...ids(first.tasks), ...rest], newestFirst(...tasks))
  }),

  test('pages go on behind a task that is gone', async (world) => {
    const worker = await world.worker()
    const old = world.task()
    await world.add(old)
    const ended = await worker.run()
    await worker.finish(succeed(ended, { forget: true }))
    assert.equal(await world.store.find(ended.id), undefined)
    assert.deepEqual(await list(world, { before: ended.id }), [old.id])
  }),

  test('queue and name are told apart, and both have to match', async (world) => {
    const tasks = ['default', 'mail'].flatMap((queue) => ['work', 'rest'].map((name) => world.task({ queue, name })))
    await world.add(...tasks)
    const [defaultWork, defaultRest, mailWork, mailRest] = tasks as [NewTask, NewTask, NewTask, NewTask]
    for (const states of [undefined, ['ready']] as const) {
      assert.deepEqual(await list(world, { states, queue: 'mail' }), newestFirst(mailWork, mailRest))
      assert.deepEqual(await list(world, { states, name: 'rest' }), newestFirst(defaultRest, mailRest))
      assert.deepEqual(await list(world, { states, queue: 'default', name: 'work' }), [defaultWork.id])
      assert.deepEqual(await list(world, { states, queue: 'default', name: 'nobody' }), [])
    }
    assert.deepEqual(await list(world, { states: ['running'], queue: 'mail' }), [])
  }),

  test('the tasks of one request are found by its id', async (world) => {
    const [one, other, again] = [
      world.task({ requestId: 'r-1' }),
      world.task({ requestId: 'r-2' }),
      world.task({ requestId: 'r-1' }),
    ]
    await world.add(one, other, again, world.task())
    for (const states of [undefined, ['ready']] as const) {
      assert.deepEqual(await list(world, { states, requestId: 'r-1' }), newestFirst(one, again))
    }
  }),

  test('a series is found by its first task, which is one of it', async (world) => {
    const [series, others] = [world.series(3), world.series(2)]
    await world.add(...series, ...others, world.task())
    assert.deepEqual(await list(world, { series: series[0]!.id }), newestFirst(...series))
    assert.deepEqual(
      await list(world, { states: ['waiting'], series: series[0]!.id }),
      newestFirst(series[1]!, series[2]!),
    )
    assert.deepEqual(await list(world, { series: series[1]!.id }), [series[1]!.id])
  }),

  test("tasks with ids of the caller's own are listed too, each once, behind the others", async (world) => {
    const own = ['welcome:1', 'welcome:2', 'a', 'b'].map((id) => world.task({ id, idempotent: true }))
    const given = [world.task(), world.task()]
    await world.add(...own, ...given)
    for (const states of [undefined, ['ready']] as const) {
      const found = await list(world, { states, limit: 2 })
      assert.deepEqual(found.slice(0, 2), newestFirst(...given))
      assert.deepEqual(found.slice(2).toSorted(), ids(own).toSorted())
    }
  }),
] as const
