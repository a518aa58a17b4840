/** `explain`: why a task is not running now. The reason "probation" is in test/engine/explain.test.ts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { bench, databaseFile, fixedChance, gate, timedBench } from '../support/bench.ts'

const echo = defineTask({ name: 'echo', run: (text: string) => text })

describe('explain says of a task', () => {
  test('that nobody added: unknown', async (t) => {
    const { background } = bench(t)
    const { reason, state, text } = await background.explain('x')
    assert.deepEqual([reason, state], ['unknown', undefined])
    assert.match(text, /never added, or its retention has passed/)
  })

  test('that has ended: finished, with its error', async (t) => {
    const fails = defineTask({ name: 'fails', retry: { attempts: 1 }, run: () => Promise.reject(new Error('no mail')) })
    const { background, until } = bench(t, { tasks: [fails] })
    const { id } = await background.add(fails)
    await until('attempt:end', id)
    const { reason, state, text } = await background.explain(id)
    assert.deepEqual([reason, state], ['finished', 'failed'])
    assert.match(text, /no mail/)
  })

  test('that runs: running, and where', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until } = bench(t, { tasks: [waits], name: 'the kitchen' })
    const { id } = await background.add(waits)
    await until('attempt:start', id)
    const { reason, text } = await background.explain(id)
    assert.equal(reason, 'running')
    assert.match(text, new RegExp(`the kitchen \\(process ${process.pid}\\).*attempt 1`))
    open.open()
  })

  test('with a delay: future, and when', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [echo] })
    const dueAt = new Date(clock.now() + 60_000).toISOString()
    const { id } = await clock.run(background.add(echo, 'a', { delay: '1m' }))
    const { reason, text } = await background.explain(id)
    assert.equal(reason, 'future')
    assert.ok(text.includes(dueAt), text)
  })

  test('between two attempts: retrying, with the error of the last', async (t) => {
    const fails = defineTask({ name: 'fails', run: () => Promise.reject(new Error('no mail')) })
    const { background, clock } = timedBench(t, { tasks: [fails] }, { chance: fixedChance(0.9) })
    const { id } = await clock.run(background.add(fails))
    await clock.advance(100)
    const { reason, text } = await background.explain(id)
    assert.equal(reason, 'retrying')
    assert.match(text, /attempt 1 \(no mail\)/)
  })

  test('behind others of its response: series, and which comes next', async (t) => {
    const { background } = bench(t, { tasks: [echo], works: false })
    const scope = background.attach(undefined)
    const [first, , third] = [scope.tasks.add(echo, 'a'), scope.tasks.add(echo, 'b'), scope.tasks.add(echo, 'c')]
    await scope.settle(200)
    scope.close()
    const { reason, text } = await background.explain(third.id)
    assert.equal(reason, 'series')
    assert.ok(text.includes('2 earlier') && text.includes(first.id), text)
  })

  test('in a paused queue: paused', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    await background.pause('default')
    const { id } = await background.add(echo, 'a')
    assert.equal((await background.explain(id)).reason, 'paused')
  })

  test('that no worker knows, or whose queue nobody serves: nobody', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { id } = await background.add(echo, 'a', { queue: 'elsewhere' })
    assert.equal((await background.explain(id)).reason, 'nobody')
  })

  test('for which all places are taken: full', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background } = bench(t, { tasks: [waits], concurrency: 1 })
    const added = await Promise.all(Array.from({ length: 60 }, () => background.add(waits)))
    const { reason, text } = await background.explain(added.at(-1)!.id)
    assert.equal(reason, 'full')
    assert.match(text, /tasks of queue "default" run/)
    open.open()
  })

  test('that is about to start: soon', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const adds = bench(t, { store, tasks: [echo], works: false })
    const { id } = await adds.background.add(echo, 'a')
    const runs = bench(t, { store, tasks: [echo] })
    await runs.background.start()
    runs.background.drain()
    await adds.background.get(id)
    const { id: next } = await adds.background.add(echo, 'b')
    assert.equal((await adds.background.explain(next)).reason, 'soon')
  })
})
