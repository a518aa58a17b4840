/** `list` and `workers`: looking at many tasks, and at who is there. */
import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { ListFilter, ListOptions } from '../../src/model/list-options.ts'
import { VERSION } from '../../src/version.ts'
import { bench, databaseFile } from '../support/bench.ts'

const echo = defineTask({ name: 'echo', version: 2, run: (text: string) => text })
const fails = defineTask({ name: 'fails', retry: { attempts: 1 }, run: () => Promise.reject(new Error('no')) })

describe('list', () => {
  test('shows tasks as get does, newest first', async (t) => {
    const { background, until } = bench(t, { tasks: [echo, fails] })
    const [one, two] = [await background.add(echo, 'a'), await background.add(fails)]
    await Promise.all([until('attempt:end', one.id), until('attempt:end', two.id)])
    const { tasks, next } = await background.list()
    assert.deepEqual(tasks, [await background.get(two.id), await background.get(one.id)])
    assert.equal(next, undefined)
  })

  test('finds tasks by state, several states, queue and name', async (t) => {
    const { background, until } = bench(t, { tasks: [echo, fails] })
    const { id: failed } = await background.add(fails)
    await until('attempt:end', failed)
    const { id: scheduled } = await background.add(echo, 'a', { delay: '1h', queue: 'mail' })
    const found = async (filter: ListFilter): Promise<string[]> =>
      (await background.list(filter)).tasks.map((task) => task.id)
    assert.deepEqual(await found({ state: 'failed' }), [failed])
    assert.deepEqual(await found({ state: ['failed', 'scheduled'] }), [scheduled, failed])
    assert.deepEqual(await found({ queue: 'mail' }), [scheduled])
    assert.deepEqual(await found({ name: 'fails', state: 'failed' }), [failed])
    assert.deepEqual(await found({ name: 'fails', queue: 'mail' }), [])
  })

  test('finds the tasks of one response by its request, and by its first task', async (t) => {
    const { background } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined, { id: 'r-1' })
    const added = ['a', 'b', 'c'].map((text) => scope.tasks.add(echo, text).id)
    await scope.settle(200)
    scope.close()
    await background.add(echo, 'other')
    const ids = async (filter: ListFilter): Promise<string[]> =>
      (await background.list(filter)).tasks.map((task) => task.id).toReversed()
    assert.deepEqual(await ids({ requestId: 'r-1' }), added)
    const view = await background.get(added[2]!)
    assert.deepEqual(await ids({ series: view!.series! }), added)
  })

  test('gives pages, each from where the one before it ended', async (t) => {
    const { background } = bench(t, { tasks: [echo], works: false })
    const added: string[] = []
    for (let i = 0; i < 5; i++) added.push((await background.add(echo, String(i))).id)
    const first = await background.list({}, { limit: 2 })
    const second = await background.list({}, { limit: 2, before: first.next })
    const third = await background.list({}, { limit: 2, before: second.next })
    const found = [first, second, third].map((page) => page.tasks.map((task) => task.id))
    assert.deepEqual(found.flat(), added.toReversed())
    assert.deepEqual(
      found.map((page) => page.length),
      [2, 2, 1],
    )
    assert.equal(third.next, undefined)
  })

  const wrong: readonly [what: string, filter: unknown, options: unknown, code: string][] = [
    ['a state that there is not', { state: 'done' }, {}, 'OPTION_INVALID'],
    ['one such state among others', { state: ['ready', 'done'] }, {}, 'OPTION_INVALID'],
    ['a filter that there is not', { status: 'ready' }, {}, 'OPTION_UNKNOWN'],
    ['a queue that no queue can be called', { queue: 'a queue' }, {}, 'OPTION_INVALID'],
    ['an empty request id', { requestId: '' }, {}, 'OPTION_INVALID'],
    ['a series that is no id', { series: 7 }, {}, 'OPTION_INVALID'],
    ['a filter that is no object', 'ready', {}, 'OPTIONS_INVALID'],
    ['a page of none', {}, { limit: 0 }, 'OPTION_INVALID'],
    ['a page of too many', {}, { limit: 1001 }, 'OPTION_INVALID'],
    ['a cursor that is no id', {}, { before: 3 }, 'OPTION_INVALID'],
  ]
  for (const [what, filter, options, code] of wrong) {
    test(`refuses ${what}`, async (t) => {
      const { background } = bench(t)
      await assert.rejects(background.list(filter as ListFilter, options as ListOptions), { code })
    })
  }
})

describe('workers', () => {
  test('tells who is registered, what they take and what they can run', async (t) => {
    const store = `sqlite:${databaseFile(t)}`
    const { background } = bench(t, { store, tasks: [echo, fails], queues: { mail: 1 }, name: 'the kitchen' })
    const adding = bench(t, { store, works: false })
    await background.start()
    await adding.background.start()
    const [kitchen, other] = await background.workers()
    assert.ok(kitchen!.since instanceof Date)
    assert.deepEqual(kitchen, {
      worker: kitchen!.worker,
      name: 'the kitchen',
      pid: process.pid,
      host: hostname(),
      version: VERSION,
      runtime: `node ${process.versions.node}`,
      since: kitchen!.since,
      works: true,
      queues: ['default', 'mail'],
      definitions: [
        { name: 'echo', version: 2 },
        { name: 'fails', version: 1 },
      ],
    })
    const { name, works, queues, definitions } = other!
    assert.deepEqual([name, works, queues, definitions], [`${hostname()}:${process.pid}`, false, [], []])
    await adding.background.stop()
    assert.equal((await background.workers()).length, 1)
  })
})
