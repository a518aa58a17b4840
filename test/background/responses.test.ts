/** The task list of a response, without HTTP: what its status keeps and drops, and when the rest starts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTasks } from '../../src/current-tasks.ts'
import { defineTask } from '../../src/define-task.ts'
import type { AfterwordError } from '../../src/model/errors.ts'
import type { OnStatus } from '../../src/model/task.ts'
import { bench, databaseFile, gate, timedBench } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'

const echo = defineTask({ name: 'echo', run: (text: string) => text })
const onError = defineTask({ name: 'on-error', on: 'error', run: () => 'ran' })

describe('the status of an answer', () => {
  const kept: Record<OnStatus, number[]> = { success: [200, 302], error: [404, 500], always: [200, 302, 404, 500] }
  for (const on of ['success', 'error', 'always'] as const) {
    for (const status of [200, 302, 404, 500]) {
      const keeps = kept[on].includes(status)
      test(`${status} ${keeps ? 'keeps' : 'drops'} a task that is for "${on}"`, async (t) => {
        const { background, row } = bench(t, { tasks: [echo], works: false })
        await background.start()
        const scope = background.attach(undefined)
        const handle = scope.tasks.add(echo, 'a', { on })
        await scope.settle(status)
        scope.close()
        if (keeps) {
          await handle.committed
          assert.equal((await row(handle.id)).state, 'ready')
        } else {
          await assert.rejects(handle.committed, { code: 'TASK_DROPPED' })
          assert.equal(await background.get(handle.id), undefined)
        }
      })
    }
  }

  test('is what a definition is for, unless the add says otherwise', async (t) => {
    const { background, events } = bench(t, { tasks: [onError, echo], works: false })
    await background.start()
    const scope = background.attach(undefined)
    scope.tasks.add(onError)
    scope.tasks.add(onError, undefined, { on: 'success' })
    scope.tasks.add(echo, 'a')
    await scope.settle(503)
    scope.close()
    assert.deepEqual(
      events.all('task:added').map(({ task }) => task.name),
      ['on-error'],
    )
  })

  test('that drops a task tells of it by name, once, with the request it came from', async (t) => {
    const { background, events } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined, { id: 'req-1' })
    const { id } = scope.tasks.add(echo, 'a')
    assert.equal(scope.settle(404), undefined)
    scope.close()
    const [{ task, status, on } = assert.fail('nothing was dropped')] = events.all('task:dropped')
    assert.deepEqual(
      { id: task.id, name: task.name, requestId: task.requestId, status, on },
      { id, name: 'echo', requestId: 'req-1', status: 404, on: 'success' },
    )
  })

  test('that drops a task rejects its promise with name, status and what it is for', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    const { committed } = scope.tasks.add(echo, 'a')
    void scope.settle(500)
    scope.close()
    await assert.rejects(committed, (error: AfterwordError) => {
      assert.deepEqual([error.code, error.details], ['TASK_DROPPED', { name: 'echo', status: 500, on: 'success' }])
      return true
    })
  })

  test('lets the head go at once when nothing was added', (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    assert.equal(scope.settle(200), undefined)
    scope.close()
  })

  test('lets the head go at once when all that was added is dropped', (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    scope.tasks.add(echo, 'a')
    assert.equal(scope.settle(500), undefined)
    scope.close()
  })

  test('counts once: the first one decides', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    await background.start()
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(echo, 'a')
    const ends: string[] = []
    await Promise.all([
      scope.settle(200)!.then(() => ends.push('first')),
      scope.settle(500)!.then(() => ends.push('second')),
    ])
    assert.deepEqual(ends, ['first', 'second'])
    scope.close()
    assert.equal((await row(id)).state, 'ready')
  })

  test('does not let the head go when the store refuses', async (t) => {
    const { background } = bench(t, { tasks: [echo], store: `sqlite:${import.meta.filename}/tasks.db` })
    const scope = background.attach(undefined)
    const { committed } = scope.tasks.add(echo, 'a')
    await assert.rejects(scope.settle(200)!, { code: 'STORE_NOT_WRITABLE' })
    await assert.rejects(committed, { code: 'STORE_NOT_WRITABLE' })
    scope.close()
  })
})

describe('the tasks of a response', () => {
  test('start when the answer is out, not before', async (t) => {
    const { background, until, events } = bench(t, { tasks: [echo] })
    await background.start()
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(echo, 'a')
    await scope.settle(200)
    for (let i = 0; i < 5; i++) await turn()
    assert.equal(events.all('attempt:start').length, 0)
    scope.close()
    await until('attempt:start', id)
  })

  test('are those of all code below the handler', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    await scope.run(async () => {
      await turn()
      assert.equal(currentTasks(), scope.tasks)
    })
    assert.throws(() => currentTasks(), { code: 'NO_RESPONSE' })
    void scope.settle(200)
    scope.close()
  })

  test('that are added after the head is out are stored at once, whatever the status was', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    assert.ok(scope.tasks)
    void scope.settle(404)
    const { id, committed } = scope.tasks.add(echo, 'a')
    await committed
    scope.close()
    assert.equal((await row(id)).state, 'ready')
  })

  test('that are added first after the answer is out are stored, and run', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    void scope.settle(200)
    scope.close()
    const { id, committed } = scope.tasks.add(echo, 'late')
    await committed
    assert.equal(await background.result(id), 'late')
  })
})

describe('commit', () => {
  test('stores what was added so far, before the status is known and whatever it will be', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    const early = scope.tasks.add(echo, 'a')
    await scope.tasks.commit()
    assert.equal((await row(early.id)).state, 'ready')
    const late = scope.tasks.add(echo, 'b')
    void scope.settle(500)
    scope.close()
    await early.committed
    await assert.rejects(late.committed, { code: 'TASK_DROPPED' })
  })

  test('starts nothing before the answer is out', async (t) => {
    const { background, events, until } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(echo, 'a')
    await scope.tasks.commit()
    for (let i = 0; i < 5; i++) await turn()
    assert.equal(events.all('attempt:start').length, 0)
    void scope.settle(200)
    scope.close()
    await until('attempt:end', id)
  })

  test('of nothing resolves', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    await scope.tasks.commit()
    void scope.settle(200)
    scope.close()
  })

  test('rejects when the store refuses', async (t) => {
    const { background } = bench(t, { tasks: [echo], store: `sqlite:${import.meta.filename}/tasks.db` })
    const scope = background.attach(undefined)
    scope.tasks.add(echo, 'a')
    await assert.rejects(scope.tasks.commit(), { code: 'STORE_NOT_WRITABLE' })
    void scope.settle(200)
    scope.close()
  })

  test('that nobody waits for still holds the head back until the tasks are stored', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(echo, 'a')
    void scope.tasks.commit()
    await scope.settle(200)
    assert.equal((await row(id)).state, 'ready')
    scope.close()
  })

  test('waits for one that is under way', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(echo, 'a')
    void scope.tasks.commit()
    await scope.tasks.commit()
    assert.equal((await row(id)).state, 'ready')
    void scope.settle(200)
    scope.close()
  })

  test('waits for what was added since the head is out', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    assert.ok(scope.tasks)
    void scope.settle(200)
    const { id } = scope.tasks.add(echo, 'a')
    await scope.tasks.commit()
    assert.equal((await row(id)).state, 'ready')
    scope.close()
  })
})

describe('defer', () => {
  /** What was deferred, in the order in which it ran. */
  async function deferred(t: Parameters<typeof bench>[0], status: number): Promise<string[]> {
    const { background } = bench(t)
    const ran: string[] = []
    const { tasks } = background.attach(undefined)
    for (const on of ['success', 'error', 'always'] as const) tasks.defer(() => ran.push(on), { on })
    tasks.defer(() => ran.push('default'))
    tasks.settle(status, () => undefined)
    tasks.close()
    await background.stop()
    return ran
  }

  test('calls the functions that the status keeps', async (t) => {
    assert.deepEqual(await deferred(t, 200), ['success', 'always', 'default'])
    assert.deepEqual(await deferred(t, 500), ['error', 'always'])
  })

  test('calls when the answer is out, not before', async (t) => {
    const { background } = bench(t)
    const called = gate()
    let early = true
    const scope = background.attach(undefined)
    scope.tasks.defer(() => {
      assert.equal(early, false)
      called.open()
    })
    void scope.settle(200)
    await turn()
    early = false
    scope.close()
    await called.opened
  })

  test('calls at once when the answer is out already', async (t) => {
    const { background } = bench(t)
    const called = gate()
    const scope = background.attach(undefined)
    assert.ok(scope.tasks)
    void scope.settle(500)
    scope.close()
    scope.tasks.defer(called.open)
    await called.opened
  })

  test('reports a function that throws, or rejects, with its request, and breaks nothing', async (t) => {
    const { background, until } = bench(t)
    const scope = background.attach(undefined, { id: 'req-9' })
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')]
    scope.tasks.defer(() => {
      throw thrown
    })
    scope.tasks.defer(() => Promise.reject(rejected))
    void scope.settle(200)
    scope.close()
    assert.deepEqual(
      [await until('defer:failed'), await until('defer:failed')],
      [
        { error: thrown, requestId: 'req-9' },
        { error: rejected, requestId: 'req-9' },
      ],
    )
  })

  test('holds the head back for nothing', (t) => {
    const { background } = bench(t)
    const scope = background.attach(undefined)
    scope.tasks.defer(() => undefined)
    assert.equal(scope.settle(200), undefined)
    scope.close()
  })

  test('calls nothing that was for a success when the store refuses the tasks of the answer, but what is for an error', async (t) => {
    const { background } = bench(t, { tasks: [echo], store: `sqlite:${import.meta.filename}/tasks.db` })
    const ran: string[] = []
    const scope = background.attach(undefined)
    scope.tasks.add(echo, 'a')
    for (const on of ['success', 'always'] as const) scope.tasks.defer(() => ran.push(on), { on })
    await assert.rejects(scope.settle(200)!)
    scope.close()
    await background.stop()
    assert.deepEqual(ran, ['always'])
  })

  test('is waited for when the background stops', async (t) => {
    const { background, clock } = timedBench(t)
    const open = gate()
    const scope = background.attach(undefined)
    scope.tasks.defer(() => open.opened)
    void scope.settle(200)
    scope.close()
    let stopped = false
    const stopping = background.stop().then((account) => {
      stopped = true
      return account
    })
    await clock.advance(5_000)
    assert.equal(stopped, false)
    open.open()
    assert.equal((await clock.run(stopping)).deferred, 0)
  })

  test('that does not end within the grace is counted as lost', async (t) => {
    const { background, clock } = timedBench(t)
    const scope = background.attach(undefined)
    scope.tasks.defer(() => new Promise(() => undefined))
    void scope.settle(200)
    scope.close()
    assert.equal((await clock.run(background.stop({ grace: '2s' }))).deferred, 1)
  })
})

describe('a response whose connection is gone before it was answered', () => {
  test('waits for the status that its handler leaves', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo] })
    await clock.run(background.start())
    const scope = background.attach(undefined)
    const [kept, dropped] = [scope.tasks.add(echo, 'a', { on: 'error' }), scope.tasks.add(echo, 'b')]
    scope.close()
    await clock.advance(4_000)
    assert.equal(events.all('task:added').length, 0)
    await clock.run(scope.settle(404)!)
    await clock.advance(100)
    await kept.committed
    await assert.rejects(dropped.committed, { code: 'TASK_DROPPED' })
    assert.equal(events.all('attempt:end', kept.id).length, 1)
  })

  test('keeps its tasks as after a success when the handler never answers', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo, onError] })
    await clock.run(background.start())
    const scope = background.attach(undefined)
    const [kept, dropped] = [scope.tasks.add(echo, 'a'), scope.tasks.add(onError)]
    scope.close()
    await clock.advance(5_100)
    assert.deepEqual(
      events.all('attempt:end').map(({ attempt }) => attempt.id),
      [kept.id],
    )
    assert.deepEqual(
      events.all('task:dropped').map(({ task }) => task.id),
      [dropped.id],
    )
  })

  test('leaves no timer when the handler answers after all', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [echo] })
    await clock.run(background.start())
    const before = clock.timers
    const scope = background.attach(undefined)
    assert.ok(scope.tasks)
    scope.close()
    assert.equal(clock.timers, before + 1)
    void scope.settle(200)
    assert.equal(clock.timers, before)
  })

  test('is settled by a stop', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background } = bench(t, { store, tasks: [echo], works: false, grace: 0 })
    await background.start()
    const scope = background.attach(undefined)
    const { id, committed } = scope.tasks.add(echo, 'a')
    scope.close()
    await background.stop()
    await committed
    const after = bench(t, { store, tasks: [echo] })
    assert.equal(await after.background.result(id), 'a')
  })
})
