/** How a task ends, and what is known of it afterwards. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { defineTask } from '../../src/define-task.ts'
import type { AfterwordError } from '../../src/model/errors.ts'
import { giveUp, retryAfter } from '../../src/model/thrown-outcome.ts'
import { bench, databaseFile, fixedChance, gate, timedBench } from '../support/bench.ts'

const double = defineTask({ name: 'double', run: (n: number) => n * 2 })
const later = defineTask({ name: 'later', run: async (n: number) => Promise.resolve(n * 2) })
const nothing = defineTask({ name: 'nothing', run: () => undefined })

/** A task that throws what it is told, at each attempt. */
const throwing = (thrown: () => unknown, attempts = 3) =>
  defineTask({
    name: 'throwing',
    retry: { attempts, base: '1s', cap: '1h' },
    run: () => {
      throw thrown()
    },
  })

describe('a task that succeeds', () => {
  test('gives its result to whoever awaits it', async (t) => {
    const { background } = bench(t, { tasks: [later] })
    const { id } = await background.add(later, 21)
    assert.equal(await background.result<typeof later>(id), 42)
  })

  test('gives its result for what add returned, inside of a request and outside', async (t) => {
    const { background } = bench(t, { tasks: [later] })
    const added = await background.add(later, 1)
    const scope = background.attach(undefined)
    const handle = scope.tasks.add(later, 2)
    await scope.settle(200)
    scope.close()
    const sum = (await background.result(added)) + (await background.result(handle))
    assert.equal(sum, 6)
  })

  test('gives its result also when it ended before anybody awaited it', async (t) => {
    const { background, until } = bench(t, { tasks: [later] })
    const { id } = await background.add(later, 21)
    await until('attempt:end', id)
    assert.equal(await background.result(id), 42)
  })

  test('gives its result to each of those who await it', async (t) => {
    const open = gate<number>()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background } = bench(t, { tasks: [waits] })
    const { id } = await background.add(waits)
    const results = Promise.all([background.result(id), background.result(id)])
    open.open(7)
    assert.deepEqual(await results, [7, 7])
  })

  test('gives its result in the moment in which it ends: nobody waits for a look', async (t) => {
    const open = gate<number>()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, clock } = timedBench(t, { tasks: [waits] })
    const { id } = await clock.run(background.add(waits))
    const results: unknown[] = []
    void background.result(id).then((result) => results.push(result))
    await clock.settle()
    open.open(7)
    await clock.settle()
    assert.deepEqual(results, [7])
  })

  test('may be a plain function', async (t) => {
    const { background } = bench(t, { tasks: [double] })
    const { id } = await background.add(double, 4)
    assert.equal(await background.result(id), 8)
  })

  test('may return nothing', async (t) => {
    const { background, row } = bench(t, { tasks: [nothing] })
    const { id } = await background.add(nothing)
    assert.equal(await background.result(id), undefined)
    assert.equal((await row(id)).state, 'succeeded')
  })

  test('may return what JSON cannot hold', async (t) => {
    const value = { at: new Date(5), big: 9n, tags: new Set(['a']), none: undefined }
    const rich = defineTask({ name: 'rich', run: () => value })
    const { background } = bench(t, { tasks: [rich] })
    const { id } = await background.add(rich)
    assert.deepEqual(await background.result(id), value)
  })

  test('rests with its result, its one attempt and the instant of its end', async (t) => {
    const { background, clock, row } = timedBench(t, { tasks: [double] })
    const addedAt = new Date(clock.now())
    const { id } = await clock.run(background.add(double, 4))
    await clock.advance(50)
    const { state, attempt, crashes, handBacks, result, error, ...view } = await row(id)
    assert.deepEqual(
      { state, attempt, crashes, handBacks, result, error },
      { state: 'succeeded', attempt: 1, crashes: 0, handBacks: 0, result: 8, error: undefined },
    )
    assert.deepEqual({ addedAt: view.addedAt, finished: view.finishedAt instanceof Date }, { addedAt, finished: true })
  })

  test('whose result cannot be stored has succeeded, and its result is an error', async (t) => {
    const odd = defineTask({ name: 'odd', run: () => ({ callback: () => 1 }) })
    const { background, row } = bench(t, { tasks: [odd] })
    const { id } = await background.add(odd)
    await assert.rejects(background.result(id), (error: AfterwordError) => {
      assert.equal(error.code, 'TASK_FAILED')
      assert.match((error.cause as Error).message, /RESULT_NOT_STORABLE.*callback/s)
      return true
    })
    assert.equal((await row(id)).state, 'succeeded')
  })

  test('whose result is too large has succeeded, and its result is an error', async (t) => {
    const large = defineTask({ name: 'large', run: () => 'x'.repeat(100) })
    const { background, row } = bench(t, { tasks: [large], resultBytesMax: 50 })
    const { id } = await background.add(large)
    await assert.rejects(background.result(id), { code: 'TASK_FAILED' })
    assert.deepEqual([(await row(id)).state, (await row(id)).error?.code], ['succeeded', 'RESULT_TOO_LARGE'])
  })

  test('whose result throws when it is looked at ends without harm to its neighbours', async (t) => {
    const look = (): never => {
      throw new Error('do not look')
    }
    const broken = defineTask({
      name: 'broken',
      retry: { attempts: 1 },
      run: () => new Proxy({}, { has: () => true, get: look }),
    })
    const { background } = bench(t, { tasks: [broken, double] })
    const [{ id }, other] = await Promise.all([background.add(broken), background.add(double, 1)])
    await assert.rejects(background.result(id), /do not look/)
    assert.equal(await background.result(other.id), 2)
  })
})

describe('awaiting a result', () => {
  test('ends after its timeout and says where the task stands', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [double] })
    const { id } = await clock.run(background.add(double, 1, { delay: '1h' }))
    const waiting = background.result(id, { timeout: '30s' })
    await assert.rejects(clock.run(waiting), (error: AfterwordError) => {
      assert.deepEqual([error.code, error.details], ['RESULT_TIMEOUT', { id, waitedMs: 30_000, state: 'scheduled' }])
      return true
    })
  })

  test('takes the timeout from the call, not from the last look', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [double] })
    const { id } = await clock.run(background.add(double, 1, { delay: '1h' }))
    const begunMs = clock.monotonicMs()
    await assert.rejects(clock.run(background.result(id, { timeout: 1234 })))
    assert.equal(clock.monotonicMs() - begunMs, 1234)
  })

  test('refuses an id that the store does not know', async (t) => {
    const { background } = bench(t, { tasks: [double] })
    await assert.rejects(background.result('nobody'), { code: 'TASK_UNKNOWN' })
  })

  test('refuses a timeout that is none', async (t) => {
    const { background } = bench(t, { tasks: [double] })
    await assert.rejects(background.result('x', { timeout: 'soon' as never }), { code: 'DURATION_INVALID' })
  })

  test('rejects for a failed task with the error of its last attempt as the cause', async (t) => {
    const failing = throwing(() => Object.assign(new TypeError('no mail'), { code: 'SMTP' }), 1)
    const { background } = bench(t, { tasks: [failing] })
    const { id } = await background.add(failing)
    await assert.rejects(background.result(id), (error: AfterwordError) => {
      assert.equal(error.code, 'TASK_FAILED')
      const { name, message, code } = error.cause as Error & { code: string }
      assert.deepEqual({ name, message, code }, { name: 'TypeError', message: 'no mail', code: 'SMTP' })
      return true
    })
  })

  test('waits through the attempts that fail before', async (t) => {
    let runs = 0
    const flaky = defineTask({
      name: 'flaky',
      run: () => {
        if (++runs < 3) throw new Error('not yet')
        return runs
      },
    })
    const { background, clock } = timedBench(t, { tasks: [flaky] }, { chance: fixedChance(0.5) })
    const { id } = await clock.run(background.add(flaky))
    assert.equal(await clock.run(background.result(id)), 3)
  })

  test('rejects when the background stops before the task has ended', async (t) => {
    const { background } = bench(t, { tasks: [double] })
    const { id } = await background.add(double, 1, { delay: '1h' })
    const waiting = assert.rejects(background.result(id), { code: 'STORE_CLOSED' })
    await background.stop()
    await waiting
  })

  test('sees the end of a task that another background of the same file runs', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const runs = bench(t, { store, tasks: [double] })
    const adds = bench(t, { store, tasks: [double], works: false })
    await Promise.all([runs.background.start(), adds.background.start()])
    const { id } = await adds.background.add(double, 3)
    assert.equal(await adds.background.result(id), 6)
  })
})

describe('a task that throws', () => {
  test('runs again after a wait, as often as its policy says, and has failed after the last attempt', async (t) => {
    const ran: number[] = []
    const failing = throwing(() => {
      ran.push(clock.monotonicMs())
      return new Error('no')
    }, 3)
    const { background, clock, events, row } = timedBench(t, { tasks: [failing] }, { chance: fixedChance(0.999_999) })
    const { id } = await clock.run(background.add(failing))
    await clock.advance(10_000)
    assert.deepEqual([ran[1]! - ran[0]!, ran[2]! - ran[1]!], [999, 1999])
    assert.deepEqual(
      events.all('attempt:end', id).map((end) => [end.attempt.attempt, end.state]),
      [
        [1, 'scheduled'],
        [2, 'scheduled'],
        [3, 'failed'],
      ],
    )
    const { state, attempt, error } = await row(id)
    assert.deepEqual({ state, attempt, message: error?.message }, { state: 'failed', attempt: 3, message: 'no' })
  })

  test('does not run before its wait is over', async (t) => {
    const failing = throwing(() => new Error('no'))
    const { background, clock, events } = timedBench(t, { tasks: [failing] }, { chance: fixedChance(0.5) })
    const { id } = await clock.run(background.add(failing))
    await clock.advance(20)
    const { retryInMs } = events.all('attempt:end', id)[0]!
    await clock.advance(retryInMs! - 11)
    assert.equal(events.all('attempt:start', id).length, 1)
    await clock.advance(30)
    assert.equal(events.all('attempt:start', id).length, 2)
  })

  test('is scheduled meanwhile, with the error of the attempt that failed', async (t) => {
    const failing = throwing(() => new Error('no'))
    const { background, clock, row } = timedBench(t, { tasks: [failing] }, { chance: fixedChance(0.5) })
    const { id } = await clock.run(background.add(failing))
    await clock.advance(50)
    const { state, attempt, error, dueAt } = await row(id)
    assert.deepEqual([state, attempt, error?.message], ['scheduled', 1, 'no'])
    assert.equal(dueAt!.getTime() > clock.now(), true)
  })

  test('keeps the policy of the background where its definition has none', async (t) => {
    const plain = defineTask({ name: 'plain', run: () => Promise.reject(new Error('no')) })
    const { background, clock, events } = timedBench(t, {
      tasks: [plain],
      retry: { attempts: 2, base: '1s', cap: '1s' },
    })
    const { id } = await clock.run(background.add(plain))
    await clock.advance(5_000)
    assert.deepEqual(
      events.all('attempt:end', id).map((end) => end.state),
      ['scheduled', 'failed'],
    )
  })

  for (const [what, thrown, name, message] of [
    ['nothing', undefined, 'Thrown', /undefined/],
    ['null', null, 'Thrown', /null/],
    ['a string', 'oops', 'Thrown', /oops/],
    ['an object', { reason: 'oops' }, 'Thrown', /./],
  ] as const) {
    test(`may throw ${what}`, async (t) => {
      const failing = throwing(() => thrown, 1)
      const { background, until } = bench(t, { tasks: [failing] })
      const { id } = await background.add(failing)
      const { state, error } = await until('attempt:failed', id)
      assert.deepEqual([state, error?.name], ['failed', name])
      assert.match(error!.message, message)
    })
  }

  test('does not keep others from running', async (t) => {
    const failing = throwing(() => new Error('no'), 1)
    const { background } = bench(t, { tasks: [failing, double] })
    const [{ id }, other] = await Promise.all([background.add(failing), background.add(double, 5)])
    assert.equal(await background.result(other.id), 10)
    await assert.rejects(background.result(id), { code: 'TASK_FAILED' })
  })
})

describe('retryAfter', () => {
  test('sets the wait before the next attempt', async (t) => {
    const patient = throwing(() => retryAfter('7s', { cause: new Error('429') }))
    const { background, clock, events } = timedBench(t, { tasks: [patient] })
    const { id } = await clock.run(background.add(patient))
    await clock.advance(20)
    const [end] = events.all('attempt:end', id)
    assert.deepEqual([end?.state, end?.error?.name], ['scheduled', 'RetryAfter'])
    await clock.advance(6_900)
    assert.equal(events.all('attempt:start', id).length, 1)
    await clock.advance(120)
    assert.equal(events.all('attempt:start', id).length, 2)
  })

  test('costs an attempt: the last one fails', async (t) => {
    const patient = throwing(() => retryAfter(0), 2)
    const { background, clock, events, row } = timedBench(t, { tasks: [patient] })
    const { id } = await clock.run(background.add(patient))
    await clock.advance(100)
    assert.deepEqual(
      events.all('attempt:start', id).map(({ attempt }) => attempt.attempt),
      [1, 2],
    )
    assert.equal((await row(id)).state, 'failed')
  })

  test('with costsAttempt false repeats the attempt of the same number, without end', async (t) => {
    let runs = 0
    const patient = defineTask({
      name: 'patient',
      retry: { attempts: 1 },
      run: () => {
        if (++runs <= 5) throw retryAfter(10, { costsAttempt: false })
        return 'done'
      },
    })
    const { background, clock, events } = timedBench(t, { tasks: [patient] })
    const { id } = await clock.run(background.add(patient))
    assert.equal(await clock.run(background.result(id)), 'done')
    assert.deepEqual(
      events.all('attempt:start', id).map(({ attempt }) => attempt.attempt),
      [1, 1, 1, 1, 1, 1],
    )
  })

  test('with a delay that is none fails the attempt like any other throw', async (t) => {
    const wrong = throwing(() => retryAfter('soon' as never), 1)
    const { background, until } = bench(t, { tasks: [wrong] })
    const { id } = await background.add(wrong)
    assert.equal((await until('attempt:failed', id)).error?.code, 'DURATION_INVALID')
  })
})

describe('giveUp', () => {
  test('ends the task as failed, whatever attempts are left', async (t) => {
    const hopeless = throwing(() => giveUp('the account is closed'), 10)
    const { background, until, row } = bench(t, { tasks: [hopeless] })
    const { id } = await background.add(hopeless)
    const { state, error } = await until('attempt:failed', id)
    assert.deepEqual([state, error?.message], ['failed', 'the account is closed'])
    assert.equal((await row(id)).attempt, 1)
  })
})

describe('a stored input', () => {
  test('that its schema no longer takes fails the task at once', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const old = defineTask({ name: 'greet', input: z.object({ name: z.string() }), run: () => 'hello' })
    const writer = bench(t, { store, tasks: [old], works: false })
    const { id } = await writer.background.add(old, { name: 'Ada' })
    await writer.background.stop()
    let runs = 0
    const today = defineTask({ name: 'greet', input: z.object({ firstName: z.string() }), run: () => void runs++ })
    const reader = bench(t, { store, tasks: [today] })
    await reader.background.start()
    const { state, error } = await reader.until('attempt:failed', id)
    assert.deepEqual([state, error?.code, runs], ['failed', 'TASK_INPUT_OUTDATED', 0])
    assert.match(error!.message, /input\.firstName/)
  })

  test('is read by the schema of the day: run gets what that makes of it', async (t) => {
    const task = defineTask({
      name: 'when',
      input: z.object({ at: z.string().transform((text) => new Date(text)) }),
      run: ({ at }) => at.getTime(),
    })
    const { background } = bench(t, { tasks: [task] })
    const { id } = await background.add(task, { at: '1970-01-01T00:00:01Z' })
    assert.equal(await background.result(id), 1000)
    assert.deepEqual((await background.get(id))?.input, { at: '1970-01-01T00:00:01Z' })
  })

  test('of a failed task can be repaired by a deploy: requeue gives it fresh attempts', async (t) => {
    let works = false
    const flaky = defineTask({
      name: 'flaky',
      retry: { attempts: 1 },
      run: () => {
        if (!works) throw new Error('no')
        return 'yes'
      },
    })
    const { background, until } = bench(t, { tasks: [flaky] })
    const { id } = await background.add(flaky)
    await until('attempt:failed', id)
    works = true
    assert.equal(await background.requeue(id), true)
    assert.equal(await background.result(id), 'yes')
  })

  test('of a task that has not ended for good is not requeued', async (t) => {
    const { background } = bench(t, { tasks: [double] })
    const { id } = await background.add(double, 1, { delay: '1h' })
    assert.deepEqual([await background.requeue(id), await background.requeue('nobody')], [false, false])
  })
})
