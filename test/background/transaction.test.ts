/** Tasks that are added as a part of a transaction of the application, in the file of the store. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, databaseFile, later } from '../support/bench.ts'

const work = defineTask({ name: 'work', run: (n: number) => n * 2 })

async function scene(t: TestContext) {
  const file = databaseFile(t)
  const database = new DatabaseSync(file)
  later(t).defer(() => database.close())
  const made = bench(t, {
    store: `sqlite:${file}`,
    tasks: [work],
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
      ...{ store: `sqlite:${file}`, tasks: [work, adds] },
      sessions: { db: nodeSqliteSession(database) },
    })
    await background.start()
    const id = (await background.result(await background.add(adds))) as string
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
