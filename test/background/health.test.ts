/** Whether a process is well and ready. Ready is what a canary task has proven; everything here is about when it is not. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import { VERSION } from '../../src/version.ts'
import { bench, databaseFile, gate, timedBench } from '../support/bench.ts'
import { breakDisk } from '../support/broken-disk.ts'
import { Faults } from '../support/faulty-store.ts'

const noop = defineTask({ name: 'noop', run: () => 'done' })
const READY = { ready: true, live: true, reasons: [] }

/** A background on a store with faults, with its clock. */
function faulty(t: Parameters<typeof timedBench>[0], options: Parameters<typeof timedBench>[1] = {}) {
  const faults = new Faults()
  return { faults, ...timedBench(t, { store: faults.store, tasks: [noop], ...options }) }
}

/** Counts the writes of a store from here on. */
function writesOf(faults: Faults): () => number {
  let writes = 0
  const { store } = faults
  const write = store.write.bind(store)
  store.write = (...args) => {
    writes++
    return write(...args)
  }
  return () => writes
}

describe('a process is ready', () => {
  test('when a canary has passed; a background that was not started starts', async (t) => {
    const { background } = bench(t, { store: `sqlite:${databaseFile(t)}`, tasks: [noop] })
    assert.deepEqual(await background.readiness(), READY)
    assert.equal(background.live, true)
  })

  test('when it only adds, when its queues are paused, and when all places are taken', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    for (const options of [{ works: false }, { concurrency: 1 }]) {
      const { background } = bench(t, { tasks: [waits], ...options })
      await Promise.all([background.add(waits), background.add(waits), background.pause('default')])
      assert.deepEqual(await background.readiness(), READY)
    }
    open.open()
  })

  test('and a canary is proof for five seconds, however often it is asked', async (t) => {
    const { background, clock, faults } = faulty(t, { poll: '1h' })
    await clock.run(background.start())
    const writes = writesOf(faults)
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await clock.run(Promise.all([background.readiness(), background.readiness()])), [READY, READY])
      await clock.advance(900)
    }
    assert.equal(writes(), 2)
    await clock.advance(500)
    await clock.run(background.readiness())
    assert.equal(writes(), 4)
  })

  test('and nobody sees the canary: no event, no row, no count, no queue', async (t) => {
    const file = databaseFile(t)
    const { background, events } = bench(t, { store: `sqlite:${file}`, tasks: [noop] })
    const other = bench(t, { store: `sqlite:${file}`, tasks: [noop] })
    await Promise.all([background.start(), other.background.start()])
    await background.readiness()
    assert.deepEqual(
      events.heard.map(({ name }) => name),
      ['worker:registered'],
    )
    assert.deepEqual((await other.background.list()).tasks, [])
    assert.deepEqual([...(await other.background.counts())], [])
    const { queues } = await background.health()
    assert.deepEqual(Object.keys(queues), ['default'])
    assert.equal((await background.stop()).finished, 0)
  })
})

describe('a process is not ready', () => {
  const reasonsOf = async (asked: Promise<{ reasons: readonly { reason: string }[] }>): Promise<string[]> =>
    (await asked).reasons.map(({ reason }) => reason)

  test('while it starts, and when the store cannot be opened, with the reason', async (t) => {
    const { background, clock, faults } = faulty(t)
    faults.refuse('open', new AfterwordError('STORE_NOT_WRITABLE', { file: 'x', reason: 'read-only' }))
    const refused = await clock.run(background.readiness())
    assert.deepEqual([refused.ready, refused.live, refused.reasons[0]?.reason], [false, true, 'starting'])
    assert.match(refused.reasons[0]!.text, /STORE_NOT_WRITABLE.*read-only/)
    const opening = faults.hold('open')
    assert.deepEqual(await reasonsOf(clock.run(background.readiness())), ['starting'])
    opening.letGo()
    await clock.settle()
    assert.deepEqual(await clock.run(background.readiness()), READY)
  })

  test('from the moment it drains, and stays live', async (t) => {
    const { background } = bench(t, { tasks: [noop] })
    await background.readiness()
    background.drain()
    assert.deepEqual(await reasonsOf(background.readiness()), ['draining'])
    await background.stop()
    assert.deepEqual(await reasonsOf(background.health()), ['draining'])
    assert.equal(background.live, true)
  })

  test('while the store does not answer: it says so within a second, and again at once, until it answers', async (t) => {
    const { background, clock, faults } = faulty(t)
    await clock.run(background.start())
    const write = faults.hold('write')
    const beganMs = clock.monotonicMs()
    assert.deepEqual(await reasonsOf(clock.run(background.readiness())), ['store-silent'])
    assert.equal(clock.monotonicMs() - beganMs, 800)
    const { reasons, store } = await clock.run(background.health())
    assert.match(reasons[0]!.text, /on its way through the store for 800 ms/)
    assert.equal(store.ok, false)
    assert.equal(clock.monotonicMs() - beganMs, 800)
    write.letGo()
    await clock.settle()
    assert.deepEqual(await clock.run(background.readiness()), READY)
  })

  test('while the store refuses, and proves it again after a second', async (t) => {
    const { background, clock, faults } = faulty(t)
    await clock.run(background.start())
    faults.refuse('write', new AfterwordError('STORE_FULL', { file: 'x' }))
    assert.deepEqual(await reasonsOf(clock.run(background.readiness())), ['store-refused'])
    assert.deepEqual(await reasonsOf(clock.run(background.readiness())), ['store-refused'])
    await clock.advance(1_000)
    assert.deepEqual(await clock.run(background.readiness()), READY)
  })

  test('when the record of the outcome is refused for good', async (t) => {
    const { background, clock, faults } = faulty(t)
    await clock.run(background.start())
    faults.alter('write', (written) => written)
    faults.alter('write', (written) => ({ ...written, recorded: [false] }))
    assert.deepEqual(await reasonsOf(clock.run(background.readiness())), ['fenced'])
  })

  test('when others took it for dead, until it is registered again', async (t) => {
    const { background, clock, events, faults } = faulty(t, { poll: '1h' })
    await clock.run(background.readiness())
    const { worker } = events.all('worker:registered')[0]!
    await faults.store.rescue(worker, clock.now())
    faults.refuse('register', new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 }))
    await clock.advance(5_000)
    assert.deepEqual(await reasonsOf(clock.run(background.readiness())), ['fenced'])
    await clock.advance(5_000)
    assert.deepEqual(await clock.run(background.readiness()), READY)
    // What the canary of the dead worker would have left is gone.
    assert.deepEqual([...(await background.counts())], [])
  })

  test('and not live, when the store has stopped for good', async (t) => {
    const { background } = bench(t, { store: `sqlite:${databaseFile(t)}`, tasks: [noop] })
    await background.start()
    t.after(breakDisk())
    const { ready, live, reasons } = await background.readiness()
    assert.deepEqual([ready, live, reasons[0]?.reason], [false, false, 'store-failed'])
    assert.match(reasons[0]!.text, /STORE_FAILED/)
    assert.equal(background.live, false)
    const { store } = await background.health()
    assert.deepEqual([store.ok, store.error], [false, reasons[0]!.text])
  })
})

describe('health tells', () => {
  test('of the store, the worker and the queues, and of tasks that nobody can run', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', queue: 'mail', run: () => open.opened })
    const { background, clock } = timedBench(t, { tasks: [noop, waits], queues: { mail: 2 }, poll: '1h' })
    await clock.run(Promise.all([background.add(waits), background.add(noop, undefined, { queue: 'far' })]))
    await clock.run(background.add(noop, undefined, { delay: '1h' }))
    await clock.run(background.pause('default'))
    await clock.advance(3_000)
    const none = { scheduled: 0, waiting: 0, ready: 0, running: 0, paused: false, places: 0, busy: 0 }
    assert.deepEqual(await clock.run(background.health()), {
      ...READY,
      version: VERSION,
      draining: false,
      store: { url: 'memory:', ok: true, latencyMs: 0, error: undefined },
      worker: { worker: 1, beatAgoMs: 3_000 },
      queues: {
        default: { ...none, scheduled: 1, paused: true, places: 10 },
        mail: { ...none, running: 1, places: 2, busy: 1 },
        far: { ...none, ready: 1 },
      },
      unknown: [{ queue: 'far', name: 'noop', version: 1, lack: 'queue' }],
    })
    open.open()
  })

  test('of a beat that the store has heard', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [noop], beat: '2s' })
    await clock.run(background.start())
    await clock.advance(7_500)
    assert.equal((await clock.run(background.health())).worker?.beatAgoMs, 1_500)
  })

  test('of a look that the store refuses or leaves without an answer, although the canary passed', async (t) => {
    const { background, clock, faults } = faulty(t)
    await clock.run(background.readiness())
    faults.refuse('counts', new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 }))
    const refused = await clock.run(background.health())
    assert.deepEqual([refused.ready, refused.reasons[0]?.reason, refused.store.ok], [false, 'store-refused', false])
    const counts = faults.hold('counts')
    const silent = await clock.run(background.health())
    assert.deepEqual([silent.ready, silent.reasons[0]?.reason, silent.store.ok], [false, 'store-silent', false])
    counts.letGo()
    assert.equal((await clock.run(background.health())).ready, true)
  })
})

describe('a stop with a canary on its way', () => {
  test('ends as if there were none, and leaves nothing', async (t) => {
    const file = databaseFile(t)
    const { background } = bench(t, { store: `sqlite:${file}`, tasks: [noop] })
    await background.start()
    const asked = background.readiness()
    const account = await background.stop()
    await asked
    const none = { finished: 0, handedBack: [], abandoned: [], leftToRescue: [], deferred: 0 }
    assert.deepEqual(account, none)
    const next = bench(t, { store: `sqlite:${file}`, tasks: [noop] })
    assert.equal((await next.background.health()).ready, true)
    assert.equal((await next.background.workers()).length, 1)
  })
})
