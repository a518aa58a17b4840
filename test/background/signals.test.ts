/** `handleSignals`: in this process with signals that are merely told, in others with real ones. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { TaskContext } from '../../src/model/definition.ts'
import type { SignalOptions } from '../../src/signals.ts'
import { listen, Wire } from '../http/wire.ts'
import { bench, databaseFile, gate, later, timedBench, untilAborted } from '../support/bench.ts'
import { TaskProcess } from '../support/task-process.ts'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

const noop = defineTask({ name: 'noop', run: () => undefined })
const heeds = defineTask({ name: 'heeds', run: (_: undefined, { signal }: TaskContext) => untilAborted(signal) })
const ignores = defineTask({ name: 'ignores', run: () => new Promise<void>(() => undefined) })

/** A background that handles signals and says with which code it would end the process. */
function handling(t: TestContext, tasks: Parameters<typeof timedBench>[1], options: SignalOptions = {}) {
  const timed = timedBench(t, tasks)
  const exit = gate<number>()
  const codes: number[] = []
  const remove = timed.background.handleSignals({
    exit: (code) => {
      codes.push(code)
      exit.open(code)
    },
    ...options,
  })
  later(t).defer(remove)
  const signal = (name: NodeJS.Signals): void => void process.emit(name)
  return {
    ...timed,
    remove,
    signal,
    codes,
    exited: () => timed.clock.run(exit.opened),
  }
}

describe('a signal', () => {
  for (const name of SIGNALS) {
    test(`${name} stops the background and ends the process with 0`, async (t) => {
      const { background, clock, signal, exited, events } = handling(t, { tasks: [noop] })
      await clock.run(background.start())
      signal(name)
      assert.equal(await exited(), 0)
      assert.equal(events.all('stopped').length, 1)
    })
  }

  test('turns readiness off at once', async (t) => {
    const { background, clock, signal, exited } = handling(t, {})
    await clock.run(background.start())
    signal('SIGTERM')
    assert.equal(background.draining, true)
    await exited()
  })

  test('closes the server first, and stops when it has closed', async (t) => {
    const closed = gate()
    const { background, clock, signal, exited, events } = handling(t, {}, { close: () => closed.opened })
    await clock.run(background.start())
    signal('SIGTERM')
    await clock.advance(100)
    assert.equal(events.all('stopped').length, 0)
    closed.open()
    assert.equal(await exited(), 0)
  })

  test('closes a server that it was given, with its unused connections, also when no request ever came', async (t) => {
    const server = createServer(() => undefined)
    const { background, clock, signal, exited, events } = handling(t, {}, { server })
    const port = await listen(t, server)
    await clock.run(background.start())
    const accepted = once(server, 'connection')
    const wire = await Wire.open(t, port)
    await accepted
    signal('SIGTERM')
    await once(server, 'close')
    assert.equal(await wire.end(), '')
    assert.equal(await exited(), 0)
    assert.equal(events.all('stopped').length, 1)
  })

  test('stops also when the server that it was given had stopped listening before', async (t) => {
    const { background, clock, signal, exited } = handling(t, {}, { server: createServer() })
    await clock.run(background.start())
    signal('SIGTERM')
    assert.equal(await exited(), 0)
  })

  test('stops also when the server does not close within the grace', async (t) => {
    const { background, clock, signal, exited } = handling(
      t,
      { grace: '3s' },
      { close: () => new Promise(() => undefined) },
    )
    await clock.run(background.start())
    const begunMs = clock.monotonicMs()
    signal('SIGTERM')
    assert.equal(await exited(), 0)
    assert.equal(clock.monotonicMs() - begunMs, 3_000)
  })

  test('spends one grace on the server and the attempts together', async (t) => {
    const { background, clock, signal, exited } = handling(
      t,
      { tasks: [heeds], grace: '3s' },
      { close: () => new Promise(() => undefined) },
    )
    await clock.run(background.add(heeds))
    const begunMs = clock.monotonicMs()
    signal('SIGTERM')
    assert.equal(await exited(), 0)
    assert.equal(clock.monotonicMs() - begunMs <= 3_500, true)
  })

  test('takes a grace of its own', async (t) => {
    const { background, clock, signal, exited } = handling(t, { tasks: [heeds], grace: '1h' }, { grace: '2s' })
    await clock.run(background.add(heeds))
    await clock.settle()
    const begunMs = clock.monotonicMs()
    signal('SIGTERM')
    await exited()
    assert.equal(clock.monotonicMs() - begunMs <= 2_500, true)
  })

  test('ends the process with 1 when the server cannot be closed, and stops nevertheless', async (t) => {
    const { background, clock, signal, exited, events } = handling(
      t,
      {},
      { close: () => Promise.reject(new Error('no')) },
    )
    await clock.run(background.start())
    signal('SIGTERM')
    assert.deepEqual([await exited(), events.all('stopped').length], [1, 1])
  })

  test('ends the process with 1 when work was abandoned', async (t) => {
    const { background, clock, signal, exited } = handling(t, { tasks: [ignores], grace: '1s' })
    await clock.run(background.add(ignores))
    await clock.settle()
    signal('SIGTERM')
    assert.equal(await exited(), 1)
  })

  test('that repeats within a second is the same one', async (t) => {
    const { background, clock, signal, codes } = handling(t, { tasks: [heeds], grace: '1h' })
    await clock.run(background.add(heeds))
    await clock.settle()
    for (const name of SIGNALS) signal(name)
    await clock.advance(1_000)
    signal('SIGINT')
    await clock.advance(60_000)
    assert.deepEqual(codes, [])
    await clock.advance(3_600_000)
    assert.deepEqual(codes, [0])
  })

  test('that comes later skips the waiting and loses nothing', async (t) => {
    const { background, clock, signal, codes, events } = handling(t, { tasks: [heeds], grace: '1h' })
    const { id } = await clock.run(background.add(heeds))
    await clock.settle()
    signal('SIGTERM')
    await clock.advance(1_001)
    signal('SIGTERM')
    await clock.advance(1_000)
    assert.deepEqual(codes, [0])
    assert.deepEqual(
      events.all('stopped').map(({ handedBack }) => handedBack),
      [[id]],
    )
  })

  test('that comes later waits for no server either', async (t) => {
    const { background, clock, signal, codes } = handling(
      t,
      { grace: '1h' },
      { close: () => new Promise(() => undefined) },
    )
    await clock.run(background.start())
    signal('SIGTERM')
    await clock.advance(1_001)
    signal('SIGINT')
    await clock.advance(1_000)
    assert.deepEqual(codes, [0])
  })

  test('is left alone that was not asked for', (t) => {
    const before = process.listenerCount('SIGINT')
    handling(t, {}, { signals: ['SIGTERM'] })
    assert.equal(process.listenerCount('SIGINT'), before)
  })
})

describe('handleSignals', () => {
  test('removes its handlers when told to', (t) => {
    const count = () => SIGNALS.map((name) => process.listenerCount(name))
    const before = count()
    const { remove } = handling(t, {})
    assert.deepEqual(
      count(),
      before.map((listeners) => listeners + 1),
    )
    remove()
    assert.deepEqual(count(), before)
  })

  test('refuses a server together with a way to close it', (t) => {
    const { background } = bench(t)
    const both = { server: createServer(), close: () => undefined }
    assert.throws(() => background.handleSignals(both), { code: 'OPTIONS_CONFLICT' })
  })

  test('refuses a grace that is none, before any signal', (t) => {
    const { background } = bench(t)
    assert.throws(() => background.handleSignals({ grace: 'soon' as never }), { code: 'DURATION_INVALID' })
  })
})

describe('a process that handles signals', () => {
  /** A process with a task in it that waits to be released. */
  async function busy(t: TestContext, task: string, options: ConstructorParameters<typeof TaskProcess>[2]) {
    const file = databaseFile(t)
    const worker = await TaskProcess.started(t, file, options)
    await worker.tell({ do: 'handleSignals' })
    const id = await worker.add(task)
    await worker.until('attempt:start', id)
    const afterwards = async () => {
      const { state, attempt, handBacks, crashes } = await bench(t, { store: `sqlite:${file}`, works: false }).row(id)
      return { state, attempt, handBacks, crashes }
    }
    return { worker, id, afterwards }
  }

  test('lets its task end on SIGTERM, also when SIGINT comes twice beside it, and exits with 0', async (t) => {
    const { worker, afterwards } = await busy(t, 'waits', { grace: '1h' })
    for (const name of ['SIGTERM', 'SIGINT', 'SIGINT'] as const) worker.child.kill(name)
    await worker.tell({ do: 'drain' })
    await worker.tell({ do: 'release' })
    assert.equal((await worker.until('stopped')).finished, 1)
    assert.deepEqual(await worker.exited, { code: 0, signal: null })
    assert.equal((await afterwards()).state, 'succeeded')
  })

  test('hands its task back on a later signal, exits with 0, and nothing is lost', async (t) => {
    const { worker, id, afterwards } = await busy(t, 'heeds', { grace: '1h' })
    worker.child.kill('SIGINT')
    await worker.tell({ do: 'drain' })
    await worker.tell({ do: 'skip', ms: 2_000 })
    worker.child.kill('SIGINT')
    assert.deepEqual((await worker.until('stopped')).handedBack, [id])
    assert.deepEqual(await worker.exited, { code: 0, signal: null })
    assert.deepEqual(await afterwards(), { state: 'ready', attempt: 0, handBacks: 1, crashes: 0 })
  })

  test('exits with 1 after SIGHUP when a task ignores its signal, and hands it back unspent', async (t) => {
    const { worker, id, afterwards } = await busy(t, 'ignores', { grace: 0 })
    worker.child.kill('SIGHUP')
    assert.deepEqual(
      (await worker.until('stopped')).abandoned.map((facts) => facts.id),
      [id],
    )
    assert.deepEqual(await worker.exited, { code: 1, signal: null })
    assert.deepEqual(await afterwards(), { state: 'ready', attempt: 0, handBacks: 1, crashes: 0 })
  })
})
