/** One connection and its transactions, and what becomes of one that fails. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { AfterwordError } from '../../../src/model/errors.ts'
import type { NewTask } from '../../../src/model/task.ts'
import { systemChance as chance, systemClock as clock } from '../../../src/ports/system.ts'
import { Database } from '../../../src/stores/sqlite/database.ts'
import { openDatabase } from '../../../src/stores/sqlite/open-database.ts'
import { openStoreOn, task, write } from './open.ts'

function memory(t: TestContext): { db: Database; failures: AfterwordError[] } {
  const failures: AfterwordError[] = []
  const parts = { clock, chance, onFailure: (error: AfterwordError) => void failures.push(error) }
  const db = new Database(':memory:', openDatabase(undefined), parts)
  t.after(() => db.close())
  return { db, failures }
}

const pausedIn = (db: Database): unknown[] =>
  db
    .sql('paused')
    .all()
    .map((row) => row['queue'])

describe('a transaction', () => {
  test('keeps all that was done in it, and gives what its work gave', async (t) => {
    const { db } = memory(t)
    const given = await db.transact(() => {
      db.sql('pause').run('one')
      db.sql('pause').run('two')
      return 42
    })
    assert.equal(given, 42)
    assert.deepEqual(pausedIn(db), ['one', 'two'])
  })

  test('keeps nothing when its work throws, and passes the error on as it is', async (t) => {
    const { db, failures } = memory(t)
    for (const error of [new Error('a mistake of ours'), new AfterwordError('STORE_FULL', { file: 'any' })]) {
      const failing = db.transact(() => {
        db.sql('pause').run('mail')
        throw error
      })
      await assert.rejects(failing, (thrown) => thrown === error)
      assert.deepEqual(pausedIn(db), [])
    }
    await db.transact(() => db.sql('pause').run('mail'))
    assert.deepEqual(pausedIn(db), ['mail'])
    assert.deepEqual(failures, [])
  })

  test('keeps nothing when a statement of it fails, and says so with a code', async (t) => {
    const { db, failures } = memory(t)
    const failing = db.transact(() => {
      db.sql('pause').run('mail')
      db.sql('pause').run(null)
    })
    await assert.rejects(failing, { code: 'STORE_FAILED', message: /NOT NULL/ })
    assert.deepEqual(pausedIn(db), [])
    await db.transact(() => db.sql('pause').run('mail'))
    assert.deepEqual(failures, [], 'a statement that fails does not end the store')
  })

  test('that cannot begin is refused, and does no work', async (t) => {
    const { db } = memory(t)
    db.connection.exec('BEGIN')
    let worked = false
    const work = (): void => void (worked = true)
    await assert.rejects(db.transact(work), { code: 'STORE_FAILED', message: /within a transaction/ })
    assert.equal(worked, false)
  })

  test('is refused once the store has failed, with the error that it failed with, told once', async (t) => {
    const { db, failures } = memory(t)
    const error = db.fail(new Error('the disk is gone'))
    assert.equal(db.fail(new Error('again')), error)
    await assert.rejects(
      db.transact(() => 1),
      (thrown) => thrown === error,
    )
    assert.throws(
      () => db.read(() => 1),
      (thrown) => thrown === error,
    )
    assert.deepEqual(failures, [error])
  })

  test('is refused once the store is closed', async (t) => {
    const { db } = memory(t)
    db.close()
    db.close()
    await assert.rejects(
      db.transact(() => 1),
      { code: 'STORE_CLOSED' },
    )
  })
})

describe('a write of which one task cannot be stored', () => {
  test('stores none of them, and the next one is stored', async (t) => {
    const store = await openStoreOn(t, undefined)
    const good = task()
    const bad: NewTask = { ...task(), name: null as never }
    await assert.rejects(write(store, { adds: [good, bad] }), { code: 'STORE_FAILED' })
    assert.equal(await store.find(good.id), undefined)
    assert.equal((await write(store, { adds: [good] })).live, 1)
  })
})
