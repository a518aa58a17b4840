/** Adding a task: what its options do, and when it counts as stored. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { AfterwordError } from '../../src/model/errors.ts'
import { bench, databaseFile, gate, timedBench } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'

const echo = defineTask({ name: 'echo', run: (text: string) => text })
const other = defineTask({ name: 'other', run: (text: string) => text })
const noInput = defineTask({ name: 'no-input', run: () => 'ran' })

describe('add', () => {
  test('gives the id of the task at once: a UUIDv7', (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = background.attach(undefined).tasks.add(echo, 'a')
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('outside of a request resolves when the task is stored', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const { id } = await background.add(echo, 'a')
    assert.deepEqual([(await row(id)).state, (await row(id)).input], ['ready', 'a'])
  })

  test('outside of a request keeps the task whatever answers its definition is for', async (t) => {
    const onError = defineTask({ name: 'on-error', on: 'error', run: () => 'ran' })
    const { background } = bench(t, { tasks: [onError] })
    const { id } = await background.add(onError)
    assert.equal(await background.result(id), 'ran')
  })

  test('takes no input where the definition has none, and options beside it', async (t) => {
    const { background } = bench(t, { tasks: [noInput] })
    const { id } = await background.add(noInput, undefined, { id: 'mine' })
    assert.deepEqual([id, await background.result(id)], ['mine', 'ran'])
  })

  test('keeps the input as it is at that moment', async (t) => {
    const list = defineTask({ name: 'list', run: (items: string[]) => items })
    const { background } = bench(t, { tasks: [list] })
    const items = ['a']
    const adding = background.add(list, items)
    items.push('b')
    assert.deepEqual(await background.result((await adding).id), ['a'])
  })

  test('before start() opens the store by itself', async (t) => {
    const { background, until } = bench(t, { tasks: [echo] })
    await background.add(echo, 'a')
    assert.equal((await until('worker:registered')).store, 'memory:')
  })

  test('tells of each stored task once, with its state', async (t) => {
    const { background, events } = bench(t, { tasks: [echo] })
    const [now, due] = await Promise.all([background.add(echo, 'a'), background.add(echo, 'b', { delay: '1h' })])
    assert.deepEqual(
      events.all('task:added').map(({ task, state }) => [task.id, task.name, task.queue, state]),
      [
        [now.id, 'echo', 'default', 'running'],
        [due.id, 'echo', 'default', 'scheduled'],
      ],
    )
  })

  for (const durability of ['power', 'process'] as const) {
    test(`with durability "${durability}" records what was promised`, async (t) => {
      const { background, row } = bench(t, { store: `sqlite:${databaseFile(t)}`, tasks: [echo] })
      const { id } = await background.add(echo, 'a', { durability })
      assert.equal((await row(id)).durability, durability)
    })
  }

  test('promises a power cut by default, and what the background says otherwise', async (t) => {
    const usual = bench(t, { tasks: [echo] })
    const weaker = bench(t, { tasks: [echo], durability: 'process' })
    const [a, b] = [await usual.background.add(echo, 'a'), await weaker.background.add(echo, 'b')]
    assert.deepEqual([(await usual.row(a.id)).durability, (await weaker.row(b.id)).durability], ['power', 'process'])
  })
})

describe('a task with a delay', () => {
  test('is scheduled until it is due, and runs then', async (t) => {
    const { background, clock, events, row } = timedBench(t, { tasks: [echo] })
    const dueAt = new Date(clock.now() + 60_000)
    const { id } = await clock.run(background.add(echo, 'a', { delay: '1m' }))
    assert.deepEqual([(await row(id)).state, (await row(id)).dueAt], ['scheduled', dueAt])
    await clock.advance(59_999)
    assert.equal(events.all('attempt:start').length, 0)
    await clock.advance(1)
    assert.equal(events.all('attempt:start', id).length, 1)
  })

  test('of nothing runs at once', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { delay: 0 })
    assert.equal(await background.result(id), 'a')
  })

  test('may name the instant instead, as a Date or in milliseconds', async (t) => {
    const { background, clock, row } = timedBench(t, { tasks: [echo] })
    const dueAt = clock.now() + 5_000
    const date = await clock.run(background.add(echo, 'a', { runAt: new Date(dueAt) }))
    const ms = await clock.run(background.add(echo, 'b', { runAt: dueAt }))
    assert.deepEqual([(await row(date.id)).dueAt?.getTime(), (await row(ms.id)).dueAt?.getTime()], [dueAt, dueAt])
  })

  test('whose instant has passed runs at once', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { runAt: new Date(0) })
    assert.equal(await background.result(id), 'a')
  })

  test('runs in the order of the instants, not of the adds', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo] })
    const ids: string[] = []
    for (const delay of [3_000, 1_000, 2_000]) ids.push((await clock.run(background.add(echo, '', { delay }))).id)
    await clock.advance(5_000)
    const order = events.all('attempt:start').map(({ attempt }) => ids.indexOf(attempt.id))
    assert.deepEqual(order, [1, 2, 0])
  })

  test('runs within a poll when the wall clock jumps past its instant', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo], poll: '5s' })
    const { id } = await clock.run(background.add(echo, 'a', { delay: '1h' }))
    clock.setWall(clock.now() + 3_600_000)
    await clock.advance(7_000)
    assert.equal(events.all('attempt:end', id).length, 1)
  })

  test('does not run early when the wall clock jumps back', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo], poll: '5s' })
    await clock.run(background.add(echo, 'a', { delay: '1m' }))
    clock.setWall(clock.now() - 3_600_000)
    await clock.advance(70_000)
    assert.equal(events.all('attempt:start').length, 0)
    await clock.advance(3_600_000)
    assert.equal(events.all('attempt:end').length, 1)
  })

  test('survives a restart and runs when it is due', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const first = bench(t, { store, tasks: [echo] })
    const { id } = await first.background.add(echo, 'a', { delay: 50 })
    await first.background.stop()
    const second = bench(t, { store, tasks: [echo], poll: '1h' })
    await second.background.start()
    assert.equal(await second.background.result(id), 'a')
  })

  test('added where nothing runs is run on time by another background that sits on its poll', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const runs = bench(t, { store, tasks: [echo], poll: '1h' })
    const adds = bench(t, { store, tasks: [echo], poll: '1h', works: false })
    await Promise.all([runs.background.start(), adds.background.start()])
    await runs.until('attempt:end', (await adds.background.add(echo, 'first')).id)
    const { id } = await adds.background.add(echo, 'a', { delay: 100 })
    await runs.until('attempt:end', id)
  })
})

describe('the priority of a task', () => {
  test('decides which one starts next: higher sooner, equal ones in the order added', async (t) => {
    const open = gate()
    const first = defineTask({ name: 'first', run: () => open.opened })
    const low = defineTask({ name: 'low', priority: -5, run: () => undefined })
    const { background, events, until } = bench(t, { tasks: [first, echo, low], concurrency: 1 })
    await until('attempt:start', (await background.add(first)).id)
    const added = await Promise.all([
      background.add(low),
      background.add(echo, 'a'),
      background.add(echo, 'b', { priority: 7 }),
      background.add(echo, 'c'),
      background.add(low, undefined, { priority: 8 }),
    ])
    open.open()
    await until('attempt:end', added[0].id)
    const started = events.all('attempt:start').slice(1)
    assert.deepEqual(
      started.map(({ attempt }) => added.findIndex(({ id }) => id === attempt.id)),
      [4, 2, 1, 3, 0],
    )
  })

  test('decides also among those that wait in the store', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const adds = bench(t, { store, tasks: [echo], works: false })
    const added: { id: string }[] = []
    for (const priority of [0, -1, 5, 0]) added.push(await adds.background.add(echo, '', { priority }))
    const runs = bench(t, { store, tasks: [echo], concurrency: 1 })
    await runs.background.start()
    await runs.until('attempt:end', added[1]!.id)
    const order = runs.events.all('attempt:start').map(({ attempt }) => added.findIndex(({ id }) => id === attempt.id))
    assert.deepEqual(order, [2, 0, 3, 1])
  })
})

describe('the queue of a task', () => {
  test('is the one of its definition, or the one it is added to', async (t) => {
    const mail = defineTask({ name: 'mail', queue: 'mail', run: () => undefined })
    const { background, row } = bench(t, { tasks: [mail], works: false })
    const [a, b] = [await background.add(mail), await background.add(mail, undefined, { queue: 'bulk' })]
    assert.deepEqual([(await row(a.id)).queue, (await row(b.id)).queue], ['mail', 'bulk'])
  })

  test('that nobody serves keeps it waiting', async (t) => {
    const { background, row } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { queue: 'elsewhere' })
    await background.result((await background.add(echo, 'b')).id)
    assert.equal((await row(id)).state, 'ready')
  })
})

describe('an id of the own', () => {
  test('makes adding twice the same as adding once', async (t) => {
    const { background, events } = bench(t, { tasks: [echo] })
    const first = await background.add(echo, 'a', { id: 'welcome:7' })
    const second = await background.add(echo, 'a', { id: 'welcome:7' })
    assert.deepEqual([first.id, second.id], ['welcome:7', 'welcome:7'])
    await background.result(first.id)
    assert.deepEqual([events.all('task:added').length, events.all('attempt:start').length], [1, 1])
  })

  test('does so in one and the same moment', async (t) => {
    const { background, events } = bench(t, { tasks: [echo] })
    const adding = [1, 2, 3].map(() => background.add(echo, 'a', { id: 'x' }))
    await Promise.all(adding)
    await background.result('x')
    assert.deepEqual([events.all('task:added').length, events.all('attempt:end').length], [1, 1])
  })

  test('does so after the task has ended, too: it does not run again', async (t) => {
    const { background, events } = bench(t, { tasks: [echo] })
    await background.add(echo, 'a', { id: 'x' })
    await background.result('x')
    await background.add(echo, 'a', { id: 'x' })
    assert.deepEqual([await background.result('x'), events.all('attempt:start').length], ['a', 1])
  })

  test('leaves the room of the queue as it was', async (t) => {
    const { background } = bench(t, { tasks: [echo], concurrency: 1 })
    for (let i = 0; i < 50; i++) await background.add(echo, 'a', { id: 'x' })
    assert.equal(await background.result((await background.add(echo, 'b')).id), 'b')
  })

  test('does so across backgrounds of one file', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const [one, two] = [bench(t, { store, tasks: [echo] }), bench(t, { store, tasks: [echo] })]
    await Promise.all([one.background.add(echo, 'a', { id: 'x' }), two.background.add(echo, 'a', { id: 'x' })])
    await one.background.result('x')
    assert.equal(one.events.all('task:added').length + two.events.all('task:added').length, 1)
  })

  test('belongs to one task with one input: any other is refused', async (t) => {
    const { background, row } = bench(t, { tasks: [echo, other], works: false })
    await background.add(echo, 'a', { id: 'x' })
    for (const adding of [background.add(echo, 'b', { id: 'x' }), background.add(other, 'a', { id: 'x' })]) {
      await assert.rejects(adding, (error: AfterwordError) => {
        assert.deepEqual([error.code, error.statusCode], ['TASK_ID_TAKEN', 409])
        assert.equal((error.details as { by: string }).by, 'echo')
        return true
      })
    }
    assert.equal((await row('x')).input, 'a')
  })

  test('that is taken keeps nothing else of the same response from being stored', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    await background.add(echo, 'a', { id: 'x' })
    const scope = background.attach(undefined)
    const [taken, fine] = [scope.tasks.add(echo, 'b', { id: 'x' }), scope.tasks.add(echo, 'c')]
    await scope.settle(200)
    await assert.rejects(taken.committed, { code: 'TASK_ID_TAKEN' })
    await fine.committed
    scope.close()
    assert.equal((await row(fine.id)).input, 'c')
  })

  test('may be a UUIDv7 made elsewhere, also one that names a task added without it', async (t) => {
    const { background, events } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a')
    await background.add(echo, 'a', { id })
    await background.result(id)
    assert.equal(events.all('attempt:start').length, 1)
  })
})

describe('the promise of a handle', () => {
  test('resolves when the task is stored, and not before the status of its response is known', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    await background.start()
    const scope = background.attach(undefined)
    let committed = false
    const done = scope.tasks.add(echo, 'a').committed.then(() => (committed = true))
    await turn()
    await turn()
    assert.equal(committed, false)
    await scope.settle(201)
    await done
    scope.close()
  })

  test('is one promise, also when it is asked for late', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    const handle = scope.tasks.add(echo, 'a')
    await scope.settle(200)
    assert.equal(handle.committed, handle.committed)
    await handle.committed
    scope.close()
  })

  test('may be ignored: a dropped task is no unhandled rejection, asked for or not', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    const [asked] = [scope.tasks.add(echo, 'a'), scope.tasks.add(echo, 'b')]
    const { committed } = asked
    assert.equal(scope.settle(500), undefined)
    scope.close()
    await turn()
    await assert.rejects(committed, { code: 'TASK_DROPPED' })
  })
})
