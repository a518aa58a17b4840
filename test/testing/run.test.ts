/** How tasks run in a lab: all that is due, one attempt at a time, or by themselves. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { defineTask, giveUp, isAfterwordError, retryAfter } from '../../src/index.ts'
import { type LabAttempt, type LabFailure, TasksFailed, testBackground } from '../../src/testing/index.ts'
import { gate, untilAborted } from '../support/bench.ts'

const double = defineTask({ name: 'double', run: (n: number) => n * 2 })
const charge = defineTask({
  name: 'charge',
  retry: { attempts: 2, base: '1s' },
  run: (order: string) => {
    throw new RangeError(`the card of ${order} was declined`)
  },
})

async function failuresOf(work: Promise<unknown>): Promise<readonly LabFailure[]> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof TasksFailed, `threw ${String(error)}`)
  return error.failures
}

const told = ({ name, input, attempt, state }: LabAttempt): unknown[] => [name, input, attempt, state]

describe('a lab in manual mode', () => {
  test('runs tasks with thread: true on its own thread, step by step', async () => {
    let seen = 0
    const inThread = defineTask({ name: 'in-thread', thread: true, run: (n: number) => (seen = n) })
    await using lab = await testBackground({ tasks: [inThread] })
    await lab.background.add(inThread, 7)
    assert.equal((await lab.step())?.state, 'succeeded')
    assert.equal(seen, 7)
  })

  test('runs nothing by itself', async () => {
    await using lab = await testBackground({ tasks: [double] })
    await lab.respond(200, (list) => list.add(double, 1))
    await lab.background.add(double, 2)
    await lab.advance('1h')
    assert.deepEqual(
      lab.added(double).map(({ state }) => state),
      ['ready', 'ready'],
    )
  })

  test('does not begin what is added after run()', async () => {
    await using lab = await testBackground({ tasks: [double] })
    await lab.background.add(double, 1)
    await lab.run()
    await lab.background.add(double, 2)
    await lab.advance('1h')
    assert.equal(lab.added(double)[1]?.state, 'ready')
  })
})

describe('lab.run', () => {
  test('runs all that is due and gives the attempts', async () => {
    await using lab = await testBackground({ tasks: [double] })
    for (const n of [1, 2]) await lab.background.add(double, n)
    await lab.background.add(double, 3, { delay: 1 })
    assert.deepEqual((await lab.run()).map(told), [
      ['double', 1, 1, 'succeeded'],
      ['double', 2, 1, 'succeeded'],
    ])
  })

  test('runs what the tasks add', async () => {
    const next = defineTask({ name: 'next', run: () => undefined })
    const first = defineTask({ name: 'first', run: async () => void (await lab.background.add(next)) })
    await using lab = await testBackground({ tasks: [first, next] })
    await lab.background.add(first)
    assert.deepEqual(
      (await lab.run()).map(({ name }) => name),
      ['first', 'next'],
    )
  })

  test('runs a whole series, in the order added', async () => {
    await using lab = await testBackground({ tasks: [double] })
    await lab.respond(200, (list) => {
      for (const n of [3, 1, 2]) list.add(double, n)
    })
    assert.deepEqual(
      (await lab.run()).map(({ input }) => input),
      [3, 1, 2],
    )
  })

  test('runs as many at once as in production', async () => {
    let running = 0
    const most: number[] = []
    const work = defineTask({
      name: 'work',
      async run() {
        most.push(++running)
        await readFile(import.meta.filename)
        running--
      },
    })
    await using lab = await testBackground({ tasks: [work], concurrency: 3 })
    for (let i = 0; i < 8; i++) await lab.background.add(work)
    assert.equal((await lab.run()).length, 8)
    assert.equal(Math.max(...most), 3)
  })

  test('waits for work in real time, and the clock stands still', async () => {
    const read = defineTask({ name: 'read', run: async (path: string) => (await readFile(path)).length > 0 })
    await using lab = await testBackground({ tasks: [read] })
    const before = lab.now
    await lab.background.add(read, import.meta.filename)
    await lab.run()
    assert.equal(lab.added(read)[0]?.result, true)
    assert.deepEqual(lab.now, before)
  })

  test('lets a task await the result of another one', async () => {
    const outer = defineTask({
      name: 'outer',
      async run(): Promise<number> {
        const { id } = await lab.background.add(double, 21)
        return lab.background.result<typeof double>(id)
      },
    })
    await using lab = await testBackground({ tasks: [outer, double] })
    await lab.background.add(outer)
    await lab.run()
    assert.equal(lab.added(outer)[0]?.result, 42)
  })

  test('leaves what cannot begin: a paused queue, a queue that nobody serves', async () => {
    await using lab = await testBackground({ tasks: [double], queues: { mail: 1 } })
    await lab.background.pause('mail')
    await lab.background.add(double, 1, { queue: 'mail' })
    await lab.background.add(double, 2, { queue: 'elsewhere' })
    assert.deepEqual(await lab.run(), [])
    assert.equal(await lab.step(), undefined)
    await lab.background.add(double, 3)
    assert.equal((await lab.step())?.input, 3)
    await lab.background.resume('mail')
    assert.deepEqual(
      (await lab.run()).map(({ input }) => input),
      [1],
    )
  })

  test('does nothing when this process only adds', async () => {
    await using lab = await testBackground({ tasks: [double], works: false })
    await lab.background.add(double, 1)
    assert.deepEqual(await lab.run(), [])
    assert.equal(lab.added(double)[0]?.state, 'ready')
  })

  test('throws what has failed, after all have run', async () => {
    await using lab = await testBackground({ tasks: [charge, double] })
    await lab.background.add(charge, 'A')
    await lab.background.add(double, 1)
    await lab.background.add(charge, 'B')
    await assert.rejects(lab.run(), (error: TasksFailed) => {
      assert.equal(
        error.message,
        [
          'Tasks have failed:',
          '  attempt 1 of "charge", the next is in 1000 ms: RangeError: the card of A was declined',
          '  attempt 1 of "charge", the next is in 1000 ms: RangeError: the card of B was declined',
        ].join('\n'),
      )
      assert.ok(error.cause instanceof RangeError)
      assert.match(error.cause.stack ?? '', /run\.test\.ts/)
      return true
    })
    assert.equal(lab.added(double)[0]?.state, 'succeeded')
  })

  test('throws each failure once', async () => {
    await using lab = await testBackground({ tasks: [charge] })
    await lab.background.add(charge, 'A')
    assert.equal((await failuresOf(lab.run())).length, 1)
    assert.deepEqual(await lab.run(), [])
  })

  test('does not take a retry that the task asked for as a failure', async () => {
    const poll = defineTask({
      name: 'poll',
      run(_: string, { attempt }) {
        if (attempt === 1) throw retryAfter('30s')
      },
    })
    await using lab = await testBackground({ tasks: [poll] })
    await lab.background.add(poll, 'x')
    assert.deepEqual((await lab.run()).map(told), [['poll', 'x', 1, 'scheduled']])
    assert.deepEqual((await lab.run('30s')).map(told), [['poll', 'x', 2, 'succeeded']])
    assert.deepEqual(lab.failures, [])
  })

  test('takes giving up as a failure, and the last attempt too when it asked for another one', async () => {
    const hopeless = defineTask({ name: 'hopeless', run: () => Promise.reject(giveUp('gone')) })
    const patient = defineTask({ name: 'patient', retry: { attempts: 1 }, run: () => Promise.reject(retryAfter('1s')) })
    await using lab = await testBackground({ tasks: [hopeless, patient] })
    await lab.background.add(hopeless)
    await lab.background.add(patient)
    const failures = await failuresOf(lab.run())
    assert.deepEqual(
      failures.map(({ attempt }) => [attempt?.name, attempt?.state]),
      [
        ['hopeless', 'failed'],
        ['patient', 'failed'],
      ],
    )
  })

  test('throws what made a result unstorable, although the task succeeded', async () => {
    const socket = defineTask({ name: 'socket', run: () => ({ close() {} }) })
    await using lab = await testBackground({ tasks: [socket] })
    await lab.background.add(socket)
    const [failure] = await failuresOf(lab.run())
    assert.equal(failure?.attempt?.state, 'succeeded')
    assert.ok(isAfterwordError(failure.error, 'RESULT_NOT_STORABLE'))
  })

  test('tells what was thrown when it was no Error', async () => {
    const odd = defineTask({
      name: 'odd',
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- this is what it is about.
      run: (thrown: string | undefined) => Promise.reject(thrown),
    })
    await using lab = await testBackground({ tasks: [odd] })
    await lab.background.add(odd, 'a word')
    await assert.rejects(lab.run(), /"a word"/)
    await lab.background.add(odd, undefined)
    assert.match(String((await failuresOf(lab.run()))[0]?.error), /undefined/)
  })

  test('refuses a duration that is none', async () => {
    await using lab = await testBackground()
    await assert.rejects(lab.run('soon' as never), (error) => isAfterwordError(error, 'DURATION_INVALID'))
  })

  test('refuses to be called while another run is under way', async () => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    await using lab = await testBackground({ tasks: [waits] })
    await lab.background.add(waits)
    const running = lab.run()
    await assert.rejects(lab.step(), /lab\.step\(\) was called while lab\.run\(\) is under way/)
    open.open()
    await running
  })
})

describe('lab.step', () => {
  test('runs one attempt and says which; the others wait', async () => {
    await using lab = await testBackground({ tasks: [double] })
    for (const n of [1, 2]) await lab.background.add(double, n)
    assert.deepEqual(told((await lab.step())!), ['double', 1, 1, 'succeeded'])
    assert.deepEqual(
      lab.added(double).map(({ state }) => state),
      ['succeeded', 'ready'],
    )
    assert.deepEqual(told((await lab.step())!), ['double', 2, 1, 'succeeded'])
    assert.equal(await lab.step(), undefined)
  })

  test('takes the highest priority first, then the oldest, across all queues', async () => {
    const images = defineTask({ name: 'images', queue: 'images', run: (_: string) => undefined })
    await using lab = await testBackground({ tasks: [double, images] })
    await lab.background.add(double, 1)
    await lab.background.add(images, 'late', { priority: 1 })
    await lab.background.add(double, 2, { priority: 1 })
    await lab.background.add(images, 'first', { priority: 9 })
    await lab.background.add(images, 'last', { priority: -1 })
    const order: unknown[] = []
    for (let attempt = await lab.step(); attempt !== undefined; attempt = await lab.step()) order.push(attempt.input)
    assert.deepEqual(order, ['first', 'late', 2, 1, 'last'])
  })

  test('keeps the order of a series, whatever the priorities in it', async () => {
    await using lab = await testBackground({ tasks: [double] })
    await lab.respond(200, (list) => {
      list.add(double, 1)
      list.add(double, 2, { priority: 100 })
      list.add(double, 3, { parallel: true, priority: 50 })
    })
    const order: unknown[] = []
    for (let attempt = await lab.step(); attempt !== undefined; attempt = await lab.step()) order.push(attempt.input)
    assert.deepEqual(order, [3, 1, 2])
  })

  test('goes on with a series after the first attempt of the one before, also when that failed', async () => {
    await using lab = await testBackground({ tasks: [charge, double] })
    await lab.respond(200, (list) => {
      list.add(charge, 'A')
      list.add(double, 1)
    })
    assert.deepEqual(told((await lab.step())!), ['charge', 'A', 1, 'scheduled'])
    assert.deepEqual(told((await lab.step())!), ['double', 1, 1, 'succeeded'])
  })

  test('gives a failure instead of throwing it', async () => {
    await using lab = await testBackground({ tasks: [charge] })
    await lab.background.add(charge, 'A')
    const attempt = await lab.step()
    assert.ok(attempt?.error instanceof RangeError)
    assert.deepEqual([attempt.state, attempt.retryInMs], ['scheduled', 1_000])
    assert.deepEqual(await lab.run(), [])
  })

  test('waits for the attempt in real time', async () => {
    const begun = gate()
    const open = gate<string>()
    const waits = defineTask({
      name: 'waits',
      run() {
        begun.open()
        return open.opened
      },
    })
    await using lab = await testBackground({ tasks: [waits, double] })
    await lab.background.add(waits)
    await lab.background.add(double, 1)
    const stepping = lab.step()
    await begun.opened
    assert.deepEqual(
      lab.added().map(({ state }) => state),
      ['running', 'ready'],
    )
    open.open('done')
    assert.equal((await stepping)?.state, 'succeeded')
    assert.equal(lab.added(waits)[0]?.result, 'done')
  })

  test('gives the attempt of a task that was cancelled while it ran', async () => {
    const begun = gate()
    const endless = defineTask({
      name: 'endless',
      run(_: undefined, { signal }) {
        begun.open()
        return untilAborted(signal)
      },
    })
    await using lab = await testBackground({ tasks: [endless] })
    const { id } = await lab.background.add(endless)
    const stepping = lab.step()
    await begun.opened
    assert.equal(await lab.background.cancel(id), 'requested')
    assert.equal((await stepping)?.state, 'cancelled')
    assert.deepEqual(lab.failures, [])
  })

  test('needs manual mode', async () => {
    await using lab = await testBackground({ run: 'auto' })
    await assert.rejects(lab.step(), /lab\.step\(\) needs testBackground\({ run: 'manual' }\)/)
  })
})

describe('a lab in auto mode', () => {
  test('runs tasks by themselves, after the response', async () => {
    const order: string[] = []
    const note = defineTask({ name: 'note', run: (word: string) => void order.push(word) })
    await using lab = await testBackground({ tasks: [note], run: 'auto' })
    await lab.respond(200, (list) => {
      list.add(note, 'after')
      order.push('before')
    })
    await lab.run()
    assert.deepEqual(order, ['before', 'after'])
  })

  test('lets a handler await the result of a task', async () => {
    await using lab = await testBackground({ tasks: [double], run: 'auto' })
    const { id } = await lab.background.add(double, 21)
    assert.equal(await lab.background.result(id), 42)
  })

  test('does all that needs no time before the clock moves', async () => {
    const eager = defineTask({
      name: 'eager',
      retry: { attempts: 20 },
      run: () => Promise.reject(new Error('once more')),
    })
    await using lab = await testBackground({ tasks: [eager], run: 'auto', chance: 0 })
    await lab.background.add(eager)
    await lab.advance(0)
    assert.equal(lab.failures.length, 20)
  })

  test('begins scheduled tasks at their time while the clock is moved', async () => {
    const at: number[] = []
    const note = defineTask({ name: 'note', run: () => void at.push(lab.now.getTime() - begun) })
    await using lab = await testBackground({ tasks: [note], run: 'auto' })
    const begun = lab.now.getTime()
    for (const delay of ['3s', '1s', '2s'] as const) await lab.background.add(note, undefined, { delay })
    await lab.advance('2500ms')
    assert.deepEqual(at, [1_000, 2_000])
    await lab.run('1s')
    assert.deepEqual(at, [1_000, 2_000, 3_000])
  })

  test('throws at the next run() what has failed meanwhile', async () => {
    await using lab = await testBackground({ tasks: [charge], run: 'auto' })
    await lab.background.add(charge, 'A')
    assert.equal((await failuresOf(lab.run())).length, 1)
  })
})

describe('lab.failures', () => {
  test('lists all that has failed, with what was thrown', async () => {
    await using lab = await testBackground({ tasks: [charge] })
    await lab.background.add(charge, 'A')
    await assert.rejects(lab.run('1h'), TasksFailed)
    assert.deepEqual(
      lab.failures.map(({ attempt, error }) => [attempt?.attempt, attempt?.state, error instanceof RangeError]),
      [
        [1, 'scheduled', true],
        [2, 'failed', true],
      ],
    )
  })

  test('lists deferred functions that threw', async () => {
    await using lab = await testBackground()
    const wrong = new TypeError('undefined is not a function')
    await lab.respond(200, (list) => list.defer(() => Promise.reject(wrong)))
    await assert.rejects(lab.run(), /a deferred function: TypeError: undefined is not a function$/)
    assert.deepEqual(lab.failures, [{ error: wrong, attempt: undefined }])
  })

  test('lists a timeout as what the engine makes of it', async () => {
    const endless = defineTask({
      name: 'endless',
      timeout: '5s',
      retry: { attempts: 1 },
      run: (_: undefined, { signal }) => untilAborted(signal),
    })
    await using lab = await testBackground({ tasks: [endless] })
    await lab.background.add(endless)
    const running = failuresOf(lab.run())
    await lab.advance('4999ms')
    assert.equal(lab.added()[0]?.state, 'running')
    await lab.advance(1)
    assert.ok(isAfterwordError((await running)[0]?.error, 'ATTEMPT_TIMEOUT'))
  })
})
