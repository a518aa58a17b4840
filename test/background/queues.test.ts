/** Queues: how many run at once, what pauses, and what a process may claim. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { bench, databaseFile, gate, timedBench, untilAborted } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'

const noop = defineTask({ name: 'noop', run: () => undefined })
const mail = defineTask({ name: 'mail', queue: 'mail', run: () => undefined })

/** A task that counts how many of it run at once. */
function counted(name: string, queue: string) {
  const seen = { now: 0, most: 0 }
  const task = defineTask({
    name,
    queue,
    run: async () => {
      seen.most = Math.max(seen.most, ++seen.now)
      for (let i = 0; i < 3; i++) await turn()
      seen.now--
    },
  })
  return { task, seen }
}

describe('a queue', () => {
  test('runs as many tasks at once as it has places, and never more', async (t) => {
    const [a, b] = [counted('a', 'narrow'), counted('b', 'wide')]
    const { background } = bench(t, { tasks: [a.task, b.task], queues: { narrow: 2, wide: 5 } })
    const added = await Promise.all(Array.from({ length: 80 }, (_, i) => background.add(i % 2 === 0 ? a.task : b.task)))
    await Promise.all(added.map(({ id }) => background.result(id)))
    assert.deepEqual([a.seen.most, b.seen.most], [2, 5])
  })

  test('has the concurrency of the background where nothing else is said', async (t) => {
    const { task, seen } = counted('a', 'unnamed')
    const { background } = bench(t, { tasks: [task], concurrency: 3 })
    const added = await Promise.all(Array.from({ length: 30 }, () => background.add(task)))
    await Promise.all(added.map(({ id }) => background.result(id)))
    assert.equal(seen.most, 3)
  })

  test('never runs more than it has places, also while attempts fail, time out and are cancelled', async (t) => {
    const seen = { now: 0, most: 0 }
    const wild = defineTask({
      name: 'wild',
      timeout: '50ms',
      retry: { attempts: 2, base: 1, cap: 1 },
      run: async (n: number, { signal }) => {
        seen.most = Math.max(seen.most, ++seen.now)
        try {
          if (n % 3 === 0) throw new Error('no')
          if (n % 3 === 1) await untilAborted(signal)
        } finally {
          seen.now--
        }
      },
    })
    const { background, clock } = timedBench(t, { tasks: [wild], concurrency: 4 })
    const added = await clock.run(Promise.all(Array.from({ length: 60 }, (_, n) => background.add(wild, n))))
    for (const { id } of added.slice(0, 10)) await background.cancel(id)
    await clock.advance(60_000)
    assert.deepEqual([seen.now, seen.most, (await background.counts()).size], [0, 4, 0])
  })

  test('that is full does not hold up another', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', queue: 'slow', run: () => open.opened })
    const { background } = bench(t, { tasks: [waits, noop], concurrency: 1 })
    for (let i = 0; i < 5; i++) await background.add(waits)
    await background.result((await background.add(noop)).id)
    open.open()
  })

  test('runs a thousand tasks that do nothing', async (t) => {
    const { background, events } = bench(t, { tasks: [noop] })
    const added = await Promise.all(Array.from({ length: 1_000 }, () => background.add(noop)))
    await Promise.all(added.map(({ id }) => background.result(id)))
    assert.equal(events.all('attempt:end').length, 1_000)
  })

  test('that serves does not name is left to others, also by the process that adds to it', async (t) => {
    const file = databaseFile(t)
    const options = { store: `sqlite:${file}`, tasks: [noop, mail] }
    const one = bench(t, { ...options, serves: ['default'] })
    const { id } = await one.background.add(mail)
    await one.background.result(await one.background.add(noop))
    assert.equal((await one.row(id)).state, 'ready')
    assert.deepEqual((await one.background.workers())[0]!.queues, ['default'])
    const other = bench(t, { ...options, serves: ['mail'] })
    await other.background.start()
    await other.until('attempt:end', id)
  })

  test('that is none is refused, with the name that was meant', (t) => {
    assert.throws(() => bench(t, { tasks: [mail], serves: ['mial'] }), {
      code: 'QUEUE_UNKNOWN',
      message: /"mial", did you mean "mail"\? The queues of this background are: default, mail\./,
    })
    assert.throws(() => bench(t, { tasks: [mail], serves: ['default', 'images'] }), /"images"\. The queues/)
    assert.throws(() => bench(t, { serves: [] }), { code: 'OPTIONS_CONFLICT' })
  })

  test('shows how many of its tasks stand where', async (t) => {
    const { background } = bench(t, { tasks: [noop, mail], works: false })
    await background.add(noop, undefined, { delay: '1h' })
    await background.add(mail)
    const scope = background.attach(undefined)
    scope.tasks.add(mail)
    scope.tasks.add(mail)
    await scope.settle(200)
    scope.close()
    assert.deepEqual(Object.fromEntries(await background.counts()), {
      default: { scheduled: 1, waiting: 0, ready: 0, running: 0 },
      mail: { scheduled: 0, waiting: 1, ready: 2, running: 0 },
    })
  })
})

describe('a paused queue', () => {
  test('takes tasks and starts none until it is resumed', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [mail] })
    await clock.run(background.pause('mail'))
    const { id } = await clock.run(background.add(mail))
    await clock.advance(60_000)
    assert.equal(events.all('attempt:start').length, 0)
    await clock.run(background.resume('mail'))
    await clock.advance(100)
    assert.equal(events.all('attempt:end', id).length, 1)
  })

  test('leaves the others alone', async (t) => {
    const { background } = bench(t, { tasks: [mail, noop] })
    await background.pause('mail')
    await background.result((await background.add(noop)).id)
  })

  test('lets what runs come to its end, and starts none of those that were claimed already', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', queue: 'mail', run: () => open.opened })
    const { background, until, events, row } = bench(t, { tasks: [waits, mail], queues: { mail: 1 } })
    const first = await background.add(waits)
    await until('attempt:start', first.id)
    const second = await background.add(mail)
    assert.equal((await row(second.id)).state, 'running')
    await background.pause('mail')
    open.open()
    await until('attempt:end', first.id)
    for (let i = 0; i < 10; i++) await turn()
    assert.equal(events.all('attempt:start', second.id).length, 0)
    assert.deepEqual([(await row(second.id)).state, (await row(second.id)).attempt], ['ready', 0])
    await background.resume('mail')
    await until('attempt:end', second.id)
  })

  test('starts no task that an open response holds', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [mail] })
    await clock.run(background.start())
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(mail)
    await clock.run(scope.settle(200)!)
    await clock.run(background.pause('mail'))
    scope.close()
    await clock.advance(5_000)
    assert.equal(events.all('attempt:start', id).length, 0)
    await clock.run(background.resume('mail'))
    await clock.advance(100)
    assert.equal(events.all('attempt:end', id).length, 1)
  })

  test('starts no task that its series releases', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock, events } = timedBench(t, { tasks: [waits, mail] })
    await clock.run(background.pause('mail'))
    const scope = background.attach(undefined)
    scope.tasks.add(waits)
    const { id } = scope.tasks.add(mail)
    await clock.run(scope.settle(200)!)
    scope.close()
    await clock.settle()
    open.open()
    await clock.advance(5_000)
    assert.equal(events.all('attempt:start', id).length, 0)
    await clock.run(background.resume('mail'))
    await clock.advance(100)
    assert.equal(events.all('attempt:end', id).length, 1)
  })

  test('stays paused across a restart', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const one = bench(t, { store, tasks: [mail] })
    await one.background.pause('mail')
    await one.background.stop()
    const two = bench(t, { store, tasks: [mail] })
    const { id } = await two.background.add(mail)
    assert.equal((await two.background.explain(id)).reason, 'paused')
    await two.background.resume('mail')
    await two.until('attempt:end', id)
  })

  test('is paused, and resumed, in every process that shares the file', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const runs = bench(t, { store, tasks: [mail, noop], poll: '1h' })
    const asks = bench(t, { store, tasks: [mail, noop], works: false, poll: '1h' })
    await Promise.all([runs.background.start(), asks.background.start()])
    await asks.background.pause('mail')
    const { id } = await asks.background.add(mail)
    // What was told before comes first: when this one has run, the pause has been heard.
    await runs.until('attempt:end', (await asks.background.add(noop)).id)
    assert.equal(runs.events.all('attempt:start', id).length, 0)
    await asks.background.resume('mail')
    await runs.until('attempt:end', id)
  })

  test('is paused also in a process that hears nothing, with its poll', async (t) => {
    const file = databaseFile(t)
    const deaf = () => new SqliteStore(file, { clock: systemClock, chance: systemChance })
    const open = gate()
    const waits = defineTask({ name: 'waits', queue: 'mail', run: () => open.opened })
    const runs = bench(t, { store: deaf(), tasks: [waits, mail], queues: { mail: 1 }, poll: 100 })
    const asks = bench(t, { store: deaf(), tasks: [waits, mail], works: false, poll: '1h' })
    await runs.until('attempt:start', (await runs.background.add(waits)).id)
    const { id } = await runs.background.add(mail)
    await asks.background.pause('mail')
    while ((await asks.row(id)).state !== 'ready') await turn()
    open.open()
    await asks.background.resume('mail')
    await runs.until('attempt:end', id)
  })

  test('may be paused twice and resumed once', async (t) => {
    const { background } = bench(t, { tasks: [mail] })
    await background.pause('mail')
    await background.pause('mail')
    await background.resume('mail')
    await background.result((await background.add(mail)).id)
  })
})

describe('what a process claims', () => {
  test('is bounded by its places and those that are free soon, however much waits', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const adds = bench(t, { store, tasks: [waits], works: false })
    await Promise.all(Array.from({ length: 500 }, () => adds.background.add(waits)))
    const runs = bench(t, { store, tasks: [waits], concurrency: 2 })
    await runs.background.start()
    for (let i = 0; i < 2; i++) await runs.until('attempt:start')
    const { running, ready } = (await adds.background.counts()).get('default')!
    // Two run; ten times as many might get a place within 100 ms if each lasts 10 ms, the first guess.
    assert.equal(running <= 22, true)
    assert.equal(running + ready, 500)
    open.open()
  })

  test('is bounded also for what it adds itself', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background } = bench(t, { tasks: [waits], concurrency: 2 })
    await Promise.all(Array.from({ length: 500 }, () => background.add(waits)))
    const { running, ready } = (await background.counts()).get('default')!
    // As many again as above: those that are stored at this moment take no room from the claim beside them.
    assert.equal(running <= 44, true)
    assert.equal(running + ready, 500)
    open.open()
  })

  test('is handed back, unspent, when the runs before it turn out slow', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock, row } = timedBench(t, { tasks: [waits, noop], concurrency: 1 })
    await clock.run(background.add(waits))
    const { id } = await clock.run(background.add(noop))
    assert.equal((await row(id)).state, 'running')
    await clock.advance(3_000)
    const { state, attempt, handBacks } = await row(id)
    assert.deepEqual({ state, attempt, handBacks }, { state: 'ready', attempt: 0, handBacks: 0 })
    open.open()
    await clock.advance(100)
    assert.deepEqual([(await row(id)).state, (await row(id)).attempt], ['succeeded', 1])
  })

  test('is not taken again and again while a slow run goes on', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock, row, events } = timedBench(t, { tasks: [waits, noop], concurrency: 1 })
    await clock.run(background.add(waits))
    const { id } = await clock.run(background.add(noop))
    await clock.advance(3_000)
    assert.equal((await row(id)).state, 'ready')
    const taken = events.all('attempt:start').length
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(60_000)
      assert.equal((await row(id)).state, 'ready')
    }
    assert.equal(events.all('attempt:start').length, taken)
    open.open()
  })

  test('goes to a process that is free when this one is stuck', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const often = { poll: '1h', beat: 200, lease: '10s' } as const
    const stuck = bench(t, { store, tasks: [waits, noop], concurrency: 1, ...often })
    await stuck.background.add(waits)
    await stuck.until('attempt:start')
    const { id } = await stuck.background.add(noop)
    const free = bench(t, { store, tasks: [noop], ...often })
    await free.background.start()
    await free.until('attempt:end', id)
    open.open()
  })
})
