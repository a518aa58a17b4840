/** Goal: sessions of better-sqlite3, on files: turns, what waits for whom, and what bad use gets. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import Database, { type Database as Connection } from 'better-sqlite3'
import { betterSqlite3Session } from '../../src/sessions/better-sqlite3.ts'
import { guarded } from '../../src/sessions/guard.ts'
import { idsIn, sqliteFile, type SqliteLibrary, sqliteSessions } from './sqlite-sessions.ts'

const library: SqliteLibrary<Connection> = {
  name: 'better-sqlite3',
  open: (file) => new Database(file),
  provider: betterSqlite3Session,
  isTransaction: (database) => database.inTransaction,
}

sqliteSessions(library)

describe('a connection of better-sqlite3', () => {
  function opened(t: TestContext) {
    const file = sqliteFile(t)
    const database = new Database(file)
    t.after(() => void database.close())
    return { file, database, provider: betterSqlite3Session(database) }
  }

  test('may read integers as bigints', async (t) => {
    const { database, provider } = opened(t)
    database.defaultSafeIntegers()
    const session = await provider.open()
    assert.deepEqual(await session.sql!.query('SELECT 1 AS one', []), [{ one: 1 }])
    await session.rollback()
    await session.close(false)
  })

  test('nests transactions of its own in the session, as savepoints', async (t) => {
    const { file, provider } = opened(t)
    const session = await provider.open()
    const db = guarded(session.handle, () => undefined)
    const insert = db.prepare('INSERT INTO effect VALUES (?)')
    db.transaction(() => insert.run('a'))()
    const failing = db.transaction(() => {
      insert.run('b')
      throw new Error('declined')
    })
    assert.throws(failing, /declined/)
    await session.commit()
    await session.close(false)
    assert.deepEqual(idsIn(library, file), ['a'])
  })

  test('that a forgotten iterator keeps busy is free for the next session once that has ended', async (t) => {
    const { file, provider } = opened(t)
    const session = await provider.open()
    session.handle.exec("INSERT INTO effect VALUES ('a'), ('b')")
    const rows = session.handle.prepare('SELECT id FROM effect').iterate()
    rows.next()
    await assert.rejects(async () => session.commit(), /busy/)
    await assert.rejects(async () => session.rollback(), /busy/)
    await session.close(true)
    rows.return!()
    const next = await provider.open()
    next.handle.exec("INSERT INTO effect VALUES ('c')")
    await next.commit()
    await next.close(false)
    assert.deepEqual(idsIn(library, file), ['c'])
  })
})
