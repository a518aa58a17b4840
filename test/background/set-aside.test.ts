/** Tasks of a response for which there is no room: nobody starts them before their answer is out. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { defineTask } from '../../src/define-task.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import { bench, gate } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'
import { Faults } from '../support/faulty-store.ts'

/** A background with one place, which a task has taken, and answers that are open, each with one task. */
async function full(t: TestContext, answers: number, options: BackgroundOptions = {}) {
  const opened = gate()
  const ran: number[] = []
  const blocks = defineTask({ name: 'blocks', run: () => opened.opened })
  const runs = defineTask({ name: 'runs', run: (n: number) => void ran.push(n) })
  const made = bench(t, { tasks: [blocks, runs], concurrency: 1, ...options })
  const { background, until } = made
  const { id: blocker } = await background.add(blocks)
  await until('attempt:start', blocker)
  const scopes = Array.from({ length: answers }, () => background.attach(undefined))
  const ids: string[] = []
  for (const [n, scope] of scopes.entries()) {
    ids.push(scope.tasks.add(runs, n).id)
    await scope.settle(201)
  }
  const free = async (): Promise<void> => {
    opened.open()
    await until('attempt:end', blocker)
    for (let turns = 0; turns < 50; turns++) await turn()
  }
  return { ...made, scopes, ids, ran, free }
}

describe('tasks of an answer for which there is no room', () => {
  test('do not start before the answer is out, however many there are', async (t) => {
    const { scopes, ids, ran, free, until } = await full(t, 200)
    await free()
    assert.deepEqual(ran, [])
    for (const scope of scopes) scope.close()
    for (const id of ids) await until('attempt:end', id)
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      Array.from({ length: 200 }, (_, n) => n),
    )
  })

  test('are given back when it is out, and nothing of that is counted as an attempt', async (t) => {
    const { scopes, ids, row } = await full(t, 30)
    const last = ids.at(-1)!
    assert.equal((await row(last)).state, 'running')
    for (const scope of scopes) scope.close()
    for (let turns = 0; turns < 10; turns++) await turn()
    const { state, attempt, handBacks, crashes } = await row(last)
    assert.deepEqual({ state, attempt, handBacks, crashes }, { state: 'ready', attempt: 0, handBacks: 0, crashes: 0 })
  })

  test('are stored for whoever is free once as many as the buffer may hold have been set aside', async (t) => {
    const { ids, row } = await full(t, 30, { bufferMax: 5 })
    const states = await Promise.all(ids.map(async (id) => (await row(id)).state))
    const held = states.filter((state) => state === 'running').length
    assert.equal(states.filter((state) => state === 'ready').length, 30 - held)
    assert.equal(held < 30 && states.indexOf('ready') === held, true, states.join())
  })

  test('are cancelled like any other, and then never run', async (t) => {
    const { background, scopes, ids, ran, free, row } = await full(t, 30)
    const last = ids.at(-1)!
    assert.equal(await background.cancel(last), 'requested')
    for (const scope of scopes) scope.close()
    await free()
    assert.deepEqual([ran.includes(29), (await row(last)).state], [false, 'cancelled'])
  })

  test('go back with the next upkeep when the store refuses them', async (t) => {
    const faults = new Faults()
    const { scopes, ids, events, until } = await full(t, 30, { store: faults.store, poll: '100ms' })
    faults.refuse('handBack', new AfterwordError('STORE_FULL', { file: 'x' }))
    for (const scope of scopes) scope.close()
    await until('store:error')
    assert.equal(events.all('store:error').length, 1)
    for (let state = 'running'; state !== 'ready';) state = await later(faults, ids.at(-1)!)
  })
})

/** Where a task stands after a few more turns of the loop. */
async function later({ store }: Faults, id: string): Promise<string> {
  for (let turns = 0; turns < 20; turns++) await turn()
  return (await store.find(id))!.state
}
