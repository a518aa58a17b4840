/** Goal: sessions of `node:sqlite`, on files: turns, what waits for whom, and what bad use gets. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, databaseFile, later } from '../support/bench.ts'
import { idsIn, sqliteFile, type SqliteLibrary, sqliteSessions } from './sqlite-sessions.ts'

const library: SqliteLibrary<DatabaseSync> = {
  name: 'node:sqlite',
  open: (file) => new DatabaseSync(file),
  provider: nodeSqliteSession,
  isTransaction: (database) => database.isTransaction,
}

sqliteSessions(library)

describe('a connection of node:sqlite', () => {
  test('may have any settings', async (t) => {
    const database = new DatabaseSync(sqliteFile(t), { returnArrays: true, readBigInts: true, timeout: 50 })
    t.after(() => database.close())
    const session = await nodeSqliteSession(database).open()
    assert.deepEqual(await session.sql!.query('SELECT 1 AS one', []), [{ one: 1, __proto__: null }])
    assert.deepEqual(session.handle.prepare('PRAGMA busy_timeout').all(), [[50n]])
    await session.rollback()
    await session.close(false)
  })

  test('may be closed and opened again between sessions', async (t) => {
    const file = sqliteFile(t)
    const database = new DatabaseSync(file)
    t.after(() => database.close())
    const provider = nodeSqliteSession(database)
    for (const id of ['a', 'b']) {
      const session = await provider.open()
      await session.sql!.query('INSERT INTO effect VALUES (?)', [id])
      await session.commit()
      await session.close(false)
      database.close()
      database.open()
    }
    assert.deepEqual(idsIn(library, file), ['a', 'b'])
  })

  test('that leads to the file of the store may be in a transaction or not: the store looks', (t) => {
    const database = new DatabaseSync(sqliteFile(t))
    t.after(() => database.close())
    assert.equal(nodeSqliteSession(database).sqlOf!(database)?.database, database)
  })
})

describe('an attempt on the file of the store', () => {
  test('whose run commits by itself has failed, and no success is recorded', async (t) => {
    const file = databaseFile(t)
    const database = new DatabaseSync(file)
    later(t).defer(() => database.close())
    const work = defineTask({
      name: 'work',
      retry: { attempts: 1 },
      async run(_: string, context) {
        const db = (await context.session['db']) as DatabaseSync
        db.exec('COMMIT')
      },
    })
    const sessions = { db: nodeSqliteSession(database) }
    const { background, until } = bench(t, { store: `sqlite:${file}`, tasks: [work], sessions })
    await background.start()
    const { id } = await background.add(work, 'a')
    const { state, error } = await until('attempt:end', id)
    assert.equal(state, 'failed')
    assert.equal((error as { readonly code?: string }).code, 'SESSION_TRANSACTION_OVER')
  })
})
