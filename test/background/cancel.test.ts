/** Cancelling a task, wherever it stands. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { AbortReason, TaskContext } from '../../src/model/definition.ts'
import { bench, databaseFile, fixedChance, gate, timedBench, untilAborted } from '../support/bench.ts'

const echo = defineTask({ name: 'echo', run: (text: string) => text })
const heeds = defineTask({ name: 'heeds', run: (_: undefined, { signal }: TaskContext) => untilAborted(signal) })

describe('cancel', () => {
  test('ends a scheduled task at once', async (t) => {
    const { background, row } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { delay: '1h' })
    assert.equal(await background.cancel(id), 'cancelled')
    const { state, dueAt, finishedAt } = await row(id)
    assert.deepEqual([state, dueAt, finishedAt instanceof Date], ['cancelled', undefined, true])
  })

  test('ends a ready task at once', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const { id } = await background.add(echo, 'a')
    assert.equal(await background.cancel(id), 'cancelled')
    assert.equal((await row(id)).state, 'cancelled')
  })

  test('ends a task that waits in its series at once, and lets those behind it go on', async (t) => {
    const open = gate()
    const first = defineTask({ name: 'first', run: () => open.opened })
    const { background, until, row } = bench(t, { tasks: [first, echo] })
    const scope = background.attach(undefined)
    const [a, b, c] = [scope.tasks.add(first), scope.tasks.add(echo, 'b'), scope.tasks.add(echo, 'c')]
    await scope.settle(200)
    scope.close()
    await until('attempt:start', a.id)
    assert.equal(await background.cancel(b.id), 'cancelled')
    assert.equal((await row(c.id)).state, 'waiting')
    open.open()
    assert.equal(await background.result(c.id), 'c')
    assert.equal((await row(b.id)).state, 'cancelled')
  })

  test('of the first of a series that is ready lets the next one start', async (t) => {
    const { background, row } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    const [a, b] = [scope.tasks.add(echo, 'a'), scope.tasks.add(echo, 'b')]
    await scope.settle(200)
    scope.close()
    await background.cancel(a.id)
    assert.equal((await row(b.id)).state, 'ready')
  })

  test('between two attempts ends the task', async (t) => {
    const failing = defineTask({ name: 'failing', run: () => Promise.reject(new Error('no')) })
    const { background, clock, events, row } = timedBench(t, { tasks: [failing] }, { chance: fixedChance(0.5) })
    const { id } = await clock.run(background.add(failing))
    await clock.advance(100)
    assert.equal(await background.cancel(id), 'cancelled')
    await clock.advance(60_000)
    assert.deepEqual([(await row(id)).state, events.all('attempt:start', id).length], ['cancelled', 1])
  })

  test('aborts the signal of a running attempt with reason kind "cancelled"', async (t) => {
    const { background, until, row } = bench(t, { tasks: [heeds] })
    const { id } = await background.add(heeds)
    await until('attempt:start', id)
    assert.equal(await background.cancel(id), 'requested')
    const { state, error } = await until('attempt:end', id)
    assert.deepEqual([state, error?.name, error?.message], ['cancelled', 'AttemptAborted', 'The task was cancelled.'])
    assert.equal((await row(id)).state, 'cancelled')
  })

  test('of a running attempt is visible until it ends', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until, row } = bench(t, { tasks: [waits] })
    const { id } = await background.add(waits)
    await until('attempt:start', id)
    await background.cancel(id)
    assert.deepEqual([(await row(id)).state, (await row(id)).cancelling], ['running', true])
    open.open()
  })

  test('leaves it to the function: one that returns has succeeded', async (t) => {
    const polite = defineTask({
      name: 'polite',
      run: async (_: undefined, { signal }) =>
        untilAborted(signal).catch((reason: unknown) => (reason as AbortReason).kind),
    })
    const { background, until } = bench(t, { tasks: [polite] })
    const { id } = await background.add(polite)
    await until('attempt:start', id)
    await background.cancel(id)
    assert.equal(await background.result(id), 'cancelled')
  })

  test('gives an attempt up that ignores it, and the task is cancelled', async (t) => {
    const ignores = defineTask({ name: 'ignores', run: () => new Promise<void>(() => undefined) })
    const { background, clock, events, row } = timedBench(t, { tasks: [ignores], abandonAfter: '2s' })
    const { id } = await clock.run(background.add(ignores))
    await clock.settle()
    await background.cancel(id)
    await clock.advance(2_100)
    assert.deepEqual(
      [(await row(id)).state, events.all('attempt:abandoned').map(({ reason }) => reason)],
      ['cancelled', ['cancelled']],
    )
  })

  test('prevents a task from starting that is held by an open response', async (t) => {
    let runs = 0
    const counted = defineTask({ name: 'counted', run: () => void runs++ })
    const { background, until, events } = bench(t, { tasks: [counted] })
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(counted)
    await scope.settle(200)
    assert.equal(await background.cancel(id), 'requested')
    scope.close()
    assert.equal((await until('attempt:end', id)).state, 'cancelled')
    assert.deepEqual([runs, events.all('attempt:start').length, events.all('attempt:abandoned').length], [0, 0, 0])
  })

  test('prevents a task from starting that is claimed and waits for a place', async (t) => {
    const open = gate()
    const first = defineTask({ name: 'first', run: () => open.opened })
    let runs = 0
    const counted = defineTask({ name: 'counted', run: () => void runs++ })
    const { background, until } = bench(t, { tasks: [first, counted], concurrency: 1 })
    await until('attempt:start', (await background.add(first)).id)
    const { id } = await background.add(counted)
    assert.equal(await background.cancel(id), 'requested')
    open.open()
    assert.deepEqual([(await until('attempt:end', id)).state, runs], ['cancelled', 0])
  })

  test('ends a task that is handed back as surplus', async (t) => {
    const open = gate()
    const first = defineTask({ name: 'first', run: () => open.opened })
    const { background, clock, row } = timedBench(t, { tasks: [first, echo], concurrency: 1 })
    await clock.run(background.add(first))
    const { id } = await clock.run(background.add(echo, 'a'))
    await background.cancel(id)
    await clock.advance(5_000)
    open.open()
    await clock.advance(5_000)
    assert.equal((await row(id)).state, 'cancelled')
  })

  test('that comes after the end of an attempt does not touch the task when it is requeued', async (t) => {
    const flaky = defineTask({
      name: 'flaky',
      retry: { attempts: 1 },
      run: (_: undefined, { crashes }) => Promise.reject(new Error(`no ${crashes}`)),
    })
    const { background, clock, events } = timedBench(t, { tasks: [flaky] })
    const { id } = await clock.run(background.add(flaky))
    await clock.settle()
    await background.cancel(id)
    await clock.advance(100)
    await background.requeue(id)
    await clock.advance(100)
    assert.equal(events.all('attempt:start', id).length, 2)
  })

  test('of a finished task says so and changes nothing', async (t) => {
    const { background, row } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a')
    await background.result(id)
    assert.deepEqual([await background.cancel(id), (await row(id)).state], ['finished', 'succeeded'])
  })

  test('of a task that nobody added says so', async (t) => {
    const { background } = bench(t)
    assert.equal(await background.cancel('nobody'), 'unknown')
  })

  test('twice is once', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { delay: '1h' })
    assert.deepEqual([await background.cancel(id), await background.cancel(id)], ['cancelled', 'finished'])
  })

  test('ends the wait for its result', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { delay: '1h' })
    const waiting = assert.rejects(background.result(id), { code: 'TASK_FAILED' })
    await background.cancel(id)
    await waiting
  })

  test('lets the task be requeued', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { delay: '1h' })
    await background.cancel(id)
    await background.requeue(id)
    assert.equal(await background.result(id), 'a')
  })

  test('reaches a task that another background of the same file runs, also when all its places are taken', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const runs = bench(t, { store, tasks: [heeds], concurrency: 1, poll: '1h' })
    const asks = bench(t, { store, tasks: [heeds], works: false, poll: '1h' })
    await Promise.all([runs.background.start(), asks.background.start()])
    const added = await Promise.all(Array.from({ length: 12 }, () => asks.background.add(heeds)))
    const { attempt } = await runs.until('attempt:start')
    assert.equal(
      added.some(({ id }) => id === attempt.id),
      true,
    )
    assert.equal(await asks.background.cancel(attempt.id), 'requested')
    assert.equal((await runs.until('attempt:end', attempt.id)).state, 'cancelled')
  })
})
