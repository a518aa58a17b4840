/** Tasks that are added as a part of a transaction of the application, in the file of the store. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { defineTask } from '../../src/define-task.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, databaseFile, gate, later } from '../support/bench.ts'

const work = defineTask({ name: 'work', run: (n: number) => n * 2 })

async function scene(t: TestContext, options: BackgroundOptions = {}) {
  const file = databaseFile(t)
  const database = new DatabaseSync(file)
  later(t).defer(() => database.close())
  const made = bench(t, {
    ...options,
    store: `sqlite:${file}`,
    tasks: [work, ...(options.tasks ?? [])],
    sessions: { db: nodeSqliteSession(database) },
    poll: '1h',
  })
  await made.background.start()
  database.exec('CREATE TABLE effect (id TEXT NOT NULL)')
  return { ...made, file, database }
}

describe('background.in(transaction).add', () => {
  test('stores the task with the commit, and wakes whoever is free', async (t) => {
    const { background, database } = await scene(t)
    database.exec('BEGIN IMMEDIATE')
    database.prepare('INSERT INTO effect VALUES (?)').run('a')
    const task = await background.in(database).add(work, 21)
    assert.equal(await background.get(task.id), undefined)
    database.exec('COMMIT')
    assert.equal(await background.result(task), 42)
  })

  test('stores nothing when the transaction is rolled back', async (t) => {
    const { background, database, events } = await scene(t)
    database.exec('BEGIN IMMEDIATE')
    const { id } = await background.in(database).add(work, 21)
    database.exec('ROLLBACK')
    const other = await background.add(work, 1)
    await background.result(other)
    assert.equal(await background.get(id), undefined)
    assert.deepEqual(
      events.all('task:added').map(({ task }) => task.id),
      [other.id],
    )
  })

  test('stores several, of kinds that were never seen before, and the next transaction is not led astray by a rollback', async (t) => {
    const { background, database } = await scene(t)
    database.exec('BEGIN IMMEDIATE')
    await background.in(database).add(work, 1, { queue: 'rolled-back' })
    database.exec('ROLLBACK')
    database.exec('BEGIN IMMEDIATE')
    const tasks = [
      await background.in(database).add(work, 2, { queue: 'other' }),
      await background.in(database).add(work, 3, { queue: 'rolled-back' }),
      await background.in(database).add(work, 4),
    ]
    database.exec('COMMIT')
    assert.equal(await background.result(tasks[2]!), 8)
    const queues = await Promise.all(tasks.map(async ({ id }) => (await background.get(id))?.queue))
    assert.deepEqual(queues, ['other', 'rolled-back', 'default'])
  })

  test('takes the session of an attempt, too', async (t) => {
    const file = databaseFile(t)
    const database = new DatabaseSync(file)
    later(t).defer(() => database.close())
    const adds = defineTask({
      name: 'adds',
      run: async (_: undefined, { session }) => (await background.in(await session['db']).add(work, 5)).id,
    })
    const { background } = bench(t, {
      store: `sqlite:${file}`,
      tasks: [work, adds],
      sessions: { db: nodeSqliteSession(database) },
    })
    await background.start()
    const id = await background.result(await background.add(adds))
    assert.equal(await background.result({ id }), 10)
  })

  test('refuses a connection without a transaction', async (t) => {
    const { background, database } = await scene(t)
    await assert.rejects(background.in(database).add(work, 1), { code: 'SESSION_NO_TRANSACTION' })
  })

  test('refuses what no provider knows, and says what it was given', async (t) => {
    const { background } = await scene(t)
    const error = { code: 'SESSION_NOT_RECOGNIZED', message: /background\.in was given a Map/ }
    await assert.rejects(background.in(new Map()).add(work, 1), error)
  })

  test('refuses a transaction in another database, and explains the choices', async (t) => {
    const other = new DatabaseSync(':memory:')
    later(t).defer(() => other.close())
    const { background } = bench(t, { tasks: [work], sessions: { db: nodeSqliteSession(other) } })
    other.exec('BEGIN')
    const error = {
      code: 'SESSION_OTHER_DATABASE',
      message: /node:sqlite.*another database than the store \(memory:\)/,
    }
    await assert.rejects(background.in(other).add(work, 1), error)
  })

  test('refuses an id that is taken, and leaves the transaction as it is', async (t) => {
    const { background, database } = await scene(t)
    await background.add(work, 1, { id: 'mine' })
    database.exec('BEGIN IMMEDIATE')
    await assert.rejects(background.in(database).add(work, 2, { id: 'mine' }), { code: 'TASK_ID_TAKEN' })
    database.exec('COMMIT')
    assert.equal(await background.result({ id: 'mine' }), 2)
  })
})

describe('tasks.in(transaction).add in a request', () => {
  async function request(t: TestContext, options: BackgroundOptions = {}) {
    const made = await scene(t, options)
    const { background } = made
    const scope = background.attach(undefined, { method: 'POST', url: '/signup', id: 'r1' })
    return { ...made, scope, tasks: scope.tasks }
  }

  test('starts the task when the answer is out, not with the commit', async (t) => {
    const { background, tasks, scope, until, row, events } = await request(t)
    const db = await tasks.session['db']
    const task = await tasks.in(db).add(work, 21)
    await scope.settle(201)
    await until('task:added', task.id)
    assert.equal((await row(task.id)).state, 'running')
    assert.deepEqual(events.all('attempt:start'), [])
    scope.close()
    assert.equal(await background.result(task), 42)
    assert.equal((await row(task.id)).requestId, 'r1')
  })

  test('stores nothing when the session is rolled back by the status, and keeps no place for it', async (t) => {
    const { background, tasks, scope, events } = await request(t)
    const { id } = await tasks.in(await tasks.session['db']).add(work, 21)
    await scope.settle(500)
    scope.close()
    assert.equal(await background.get(id), undefined)
    await Promise.all(Array.from({ length: 20 }, async (_, n) => background.result(await background.add(work, n))))
    assert.equal(events.all('attempt:start', id).length, 0)
  })

  test('starts a task whose transaction is committed after the answer was out', async (t) => {
    const { background, tasks, scope, database } = await request(t)
    database.exec('BEGIN IMMEDIATE')
    const task = await tasks.in(database).add(work, 21)
    await scope.settle(201)
    scope.close()
    assert.equal(await background.get(task.id), undefined)
    database.exec('COMMIT')
    assert.equal(await background.result(task), 42)
  })

  test('keeps the input until then also where there is no room: another worker does not start it before', async (t) => {
    const busy = gate()
    const hold = defineTask({ name: 'hold', run: () => busy.opened })
    const { background, tasks, scope, until, row } = await request(t, { tasks: [hold], concurrency: 1 })
    const first = await background.add(hold)
    await until('attempt:start', first.id)
    const task = await tasks.in(await tasks.session['db']).add(work, 21)
    await scope.settle(201)
    await until('task:added', task.id)
    assert.equal((await row(task.id)).state, 'running')
    scope.close()
    busy.open()
    assert.equal(await background.result(task), 42)
  })

  test('an add that would wait for the session of its own request is refused', async (t) => {
    const { background, tasks, scope } = await request(t)
    await tasks.session['db']
    tasks.add(work, 1)
    await assert.rejects(tasks.commit(), { code: 'SESSION_WAITS_FOR_ITSELF', message: /request POST \/signup/ })
    await assert.rejects(background.add(work, 1), { code: 'SESSION_WAITS_FOR_ITSELF' })
    await scope.settle(200)
    scope.close()
  })
})
