/** One process's presence in the store: fencing, coming back, and what it asks for. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { AbortReason } from '../../src/model/definition.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { ClaimAsk } from '../../src/ports/store.ts'
import { bench, databaseFile, gate, timedBench, untilAborted } from '../support/bench.ts'
import { Faults } from '../support/faulty-store.ts'

const BUSY = new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 })
const noop = defineTask({ name: 'noop', run: () => 'done' })

/** A background on a store in memory in which others can declare it dead. */
function fenceable(t: Parameters<typeof timedBench>[0], options: Parameters<typeof timedBench>[1]) {
  const faults = new Faults()
  const timed = timedBench(t, { store: faults.store, ...options })
  const fence = async (): Promise<number> => {
    const worker = timed.events.all('worker:registered').at(-1)!.worker
    await faults.store.rescue(worker, timed.clock.now())
    return worker
  }
  return { ...timed, faults, fence }
}

describe('a worker that gives claims back', () => {
  test('never runs one that was cancelled elsewhere before it was given back', async (t) => {
    const faults = new Faults()
    const open = gate()
    const ran: number[] = []
    const waits = defineTask({
      name: 'waits',
      run: (n: number) => {
        ran.push(n)
        return open.opened
      },
    })
    const { background, clock, row } = timedBench(t, { store: faults.store, tasks: [waits], concurrency: 1 })
    await clock.run(background.add(waits, 1))
    const { id } = await clock.run(background.add(waits, 2))
    await clock.settle()
    // As another process does it: the store knows, and this worker has not heard of it.
    assert.equal((await faults.store.cancel(id, clock.now())).kind, 'requested')
    await clock.run(background.pause('default'))
    assert.equal((await row(id)).state, 'cancelled')
    open.open()
    await clock.run(background.resume('default'))
    await clock.advance(100)
    assert.deepEqual(ran, [1])
  })
})

describe('a worker that was declared dead', () => {
  test('learns of it with its next beat, and registers as a new incarnation', async (t) => {
    const { background, clock, events, fence } = fenceable(t, { tasks: [noop], poll: '1h' })
    await clock.run(background.start())
    const former = await fence()
    await clock.advance(6_000)
    assert.deepEqual(events.all('worker:fenced'), [{ worker: former, lost: [], stillMs: undefined }])
    assert.equal(events.all('worker:registered').at(-1)!.worker > former, true)
    const { id } = await clock.run(background.add(noop))
    assert.equal(await clock.run(background.result(id)), 'done')
  })

  test('learns of it with its next write, too: what is added meanwhile is kept', async (t) => {
    const { background, clock, events, fence } = fenceable(t, { tasks: [noop] })
    await clock.run(background.start())
    await fence()
    const { id } = await clock.run(background.add(noop))
    assert.equal(events.all('worker:fenced').length, 1)
    assert.equal(await clock.run(background.result(id)), 'done')
  })

  test('takes nothing from an answer that reaches it late: what that claimed is not its own any more', async (t) => {
    const { background, clock, events, fence, faults, row } = fenceable(t, { tasks: [noop], poll: '1h' })
    const { id } = await clock.run(background.add(noop, undefined, { delay: '1s' }))
    const late = gate()
    faults.alter('write', async (written) => {
      await late.opened
      return written
    })
    await clock.advance(1_500)
    assert.equal((await row(id)).state, 'running')
    await fence()
    await clock.advance(6_000)
    assert.equal(events.all('worker:fenced').length, 1)
    late.open()
    await clock.advance(1_000)
    assert.deepEqual(
      events.all('attempt:start', id).map(({ attempt }) => [attempt.attempt, attempt.worker]),
      [[2, events.all('worker:registered').at(-1)!.worker]],
    )
    assert.deepEqual([(await row(id)).state, events.all('claim:lost')], ['succeeded', []])
  })

  test('tells its attempts, and what they do from there on counts for nothing', async (t) => {
    const kinds: string[] = []
    const open = gate()
    const waits = defineTask({
      name: 'waits',
      run: async (_: undefined, { signal, attempt }) => {
        if (attempt > 1) return open.opened
        await untilAborted(signal).catch((reason: unknown) => kinds.push((reason as AbortReason).kind))
        return 'a ghost'
      },
    })
    const { background, clock, events, fence, row } = fenceable(t, { tasks: [waits] })
    const { id } = await clock.run(background.add(waits))
    await clock.settle()
    await fence()
    await clock.advance(6_000)
    assert.deepEqual([kinds, events.all('claim:lost').map(({ attempt }) => attempt.id)], [['claim-lost'], [id]])
    assert.deepEqual([(await row(id)).state, (await row(id)).attempt, (await row(id)).crashes], ['running', 2, 1])
    open.open()
    await clock.advance(100)
    assert.deepEqual([(await row(id)).state, (await row(id)).result], ['succeeded', undefined])
  })

  test('does not record what had ended before it learned of it', async (t) => {
    const { background, clock, events, fence, row } = fenceable(t, { tasks: [noop] })
    const { id } = await clock.run(background.add(noop))
    await clock.settle()
    assert.equal((await row(id)).state, 'running')
    await fence()
    await clock.advance(20)
    assert.equal(events.all('claim:lost').length, 1)
    await clock.advance(1_000)
    assert.deepEqual([(await row(id)).state, (await row(id)).attempt], ['succeeded', 2])
  })

  test('does not start once more what an open response held: it belongs to whoever is free', async (t) => {
    const { background, clock, events, fence, row } = fenceable(t, { tasks: [noop] })
    await clock.run(background.start())
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(noop)
    await clock.run(scope.settle(200)!)
    await fence()
    await clock.advance(6_000)
    scope.close()
    await clock.advance(6_000)
    assert.deepEqual(
      events.all('attempt:start', id).map(({ attempt }) => attempt.attempt),
      [2],
    )
    assert.deepEqual([(await row(id)).state, (await row(id)).crashes], ['succeeded', 1])
  })

  test('tries again when the store refuses to register it', async (t) => {
    const { background, clock, events, fence, faults } = fenceable(t, { tasks: [noop] })
    await clock.run(background.start())
    await fence()
    for (let i = 0; i < 2; i++) faults.refuse('register', BUSY)
    await clock.advance(30_000)
    assert.deepEqual([events.all('store:error').length, events.all('worker:fenced').length], [2, 1])
    const { id } = await clock.run(background.add(noop))
    assert.equal(await clock.run(background.result(id)), 'done')
  })

  test('stops in order, although it is nobody at that moment', async (t) => {
    const { background, clock, fence, faults } = fenceable(t, { tasks: [noop] })
    await clock.run(background.start())
    await fence()
    for (let i = 0; i < 20; i++) faults.refuse('register', BUSY)
    await clock.advance(6_000)
    assert.deepEqual(await clock.run(background.stop()), {
      finished: 0,
      handedBack: [],
      abandoned: [],
      leftToRescue: [],
      deferred: 0,
    })
  })
})

describe('what waits beyond its room', () => {
  test('waits on when the store refuses to take it back, and runs here', async (t) => {
    const faults = new Faults()
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock, row } = timedBench(t, { store: faults.store, tasks: [waits, noop], concurrency: 1 })
    await clock.run(background.add(waits))
    const { id } = await clock.run(background.add(noop))
    faults.refuse('handBack', BUSY)
    await clock.advance(2_000)
    open.open()
    await clock.advance(100)
    assert.deepEqual([(await row(id)).state, (await row(id)).handBacks], ['succeeded', 0])
  })

  test('and was cancelled ends with being given back: it does not run here once more, nor is its requeue cancelled', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock, events, row } = timedBench(t, { tasks: [waits, noop], concurrency: 1 })
    await clock.run(background.add(waits))
    const { id } = await clock.run(background.add(noop))
    assert.equal(await clock.run(background.cancel(id)), 'requested')
    await clock.advance(2_000)
    assert.equal((await row(id)).state, 'cancelled')
    open.open()
    await clock.advance(100)
    assert.deepEqual([events.all('attempt:start', id), events.all('claim:lost')], [[], []])
    await clock.run(background.requeue(id))
    await clock.advance(100)
    assert.equal((await row(id)).state, 'succeeded')
  })
})

describe('tasks with which two workers died', () => {
  test('run one at a time, in the places that others leave', async (t) => {
    const seen = { now: 0, most: 0, ran: 0 }
    const open = [gate(), gate(), gate()]
    const risky = defineTask({
      name: 'risky',
      run: async (_: undefined, { crashes, signal }) => {
        if (crashes < 2) return untilAborted(signal)
        seen.most = Math.max(seen.most, ++seen.now)
        await open[seen.ran++]!.opened
        return seen.now--
      },
    })
    const { background, clock, fence } = fenceable(t, { tasks: [risky, noop], concurrency: 5, abandonAfter: 0 })
    const ids = await clock.run(Promise.all([1, 2, 3].map(() => background.add(risky))))
    for (let deaths = 0; deaths < 2; deaths++) {
      await clock.settle()
      await fence()
      await clock.advance(10_000)
    }
    assert.deepEqual([seen.now, seen.ran], [1, 1])
    assert.equal(await clock.run(background.result((await clock.run(background.add(noop))).id)), 'done')
    for (const { open: next } of open) next()
    await clock.run(Promise.all(ids.map(({ id }) => background.result(id))))
    assert.deepEqual([seen.most, seen.ran], [1, 3])
  })
})

describe('a start', () => {
  test('tells the others how long it may be silent', async (t) => {
    const { store } = new Faults()
    const { background, clock } = timedBench(t, { store, lease: '47s' })
    await clock.run(background.start())
    const [worker] = await store.workers()
    assert.equal(worker?.leaseMs, 47_000)
  })

  test('that is refused by the store lets go of it, and may be tried again', async (t) => {
    const faults = new Faults()
    const { background } = bench(t, { store: faults.store, tasks: [noop] })
    faults.refuse('register', BUSY)
    await assert.rejects(background.start(), { code: 'STORE_BUSY' })
    assert.equal(await background.result((await background.add(noop)).id), 'done')
  })
})

describe('a claim', () => {
  /** What the worker asked for with its writes. */
  function asked(faults: Faults): ClaimAsk[] {
    const asks: ClaimAsk[] = []
    const write = faults.store.write.bind(faults.store)
    faults.store.write = (batch, now) => {
      if (batch.claim !== undefined) asks.push(batch.claim)
      return write(batch, now)
    }
    return asks
  }

  test('that is refused is asked for again with the next poll at the latest', async (t) => {
    const faults = new Faults()
    const { background, clock, events } = timedBench(t, { store: faults.store, tasks: [noop] })
    await clock.run(background.start())
    await clock.run(background.pause('default'))
    const { id } = await clock.run(background.add(noop))
    faults.refuse('write', BUSY)
    await clock.run(background.resume('default'))
    await clock.advance(10_000)
    assert.equal(events.all('attempt:end', id).length, 1)
  })

  test('is never made by a process that only adds', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, row } = bench(t, { store, tasks: [noop], works: false, poll: 100, beat: 100, lease: '1s' })
    const { id } = await background.add(noop)
    const other = await background.add(noop, undefined, { delay: 1 })
    await background.requeue(id)
    assert.deepEqual(
      [(await row(id)).state, ['scheduled', 'ready'].includes((await row(other.id)).state)],
      ['ready', true],
    )
  })

  test('asks for nothing while all is taken', async (t) => {
    const faults = new Faults()
    const asks = asked(faults)
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock } = timedBench(t, { store: faults.store, tasks: [waits], concurrency: 1, poll: '1h' })
    await clock.run(Promise.all(Array.from({ length: 50 }, () => background.add(waits))))
    await clock.advance(5_000)
    const before = asks.length
    await clock.advance(60_000)
    assert.equal(asks.length, before)
    open.open()
  })
})
