/** What sessions of one SQLite connection do, whatever the library: the tests of `node:sqlite` and of better-sqlite3. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { type AfterwordError, isAfterwordError } from '../../src/model/errors.ts'
import type { OpenSession, SessionProvider } from '../../src/model/session.ts'
import { guarded } from '../../src/sessions/guard.ts'
import type { SessionOptions } from '../../src/sessions/session-options.ts'

/** What both libraries can do under the same names. */
export interface Connection {
  exec(sql: string): unknown
  prepare(sql: string): { all(): unknown[]; get(): unknown }
  close(): unknown
}

/** One of the libraries. */
export interface SqliteLibrary<C extends Connection> {
  readonly name: string
  /** Opens a file. */
  open(file: string): C
  provider(connection: C, options?: SessionOptions): SessionProvider<C>
  isTransaction(connection: C): boolean
}

/** A file with the table `effect (id text)`. */
export function sqliteFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'afterword-sqlite-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'application.db')
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = wal; CREATE TABLE effect (id text PRIMARY KEY)')
  database.close()
  return file
}

/**
 * The ids in `effect`, as somebody else sees them: with the same library, for two of them do not see each other's locks in one
 * process.
 */
export function idsIn<C extends Connection>(
  { open }: Pick<SqliteLibrary<C>, 'open'>,
  file: string,
): readonly unknown[] {
  const database = open(file)
  const rows = database.prepare('SELECT id FROM effect ORDER BY id').all() as readonly { readonly id: unknown }[]
  database.close()
  return rows.map(({ id }) => id)
}

/** Lets the event loop turn a few times: whatever waits for nothing but that has come by then. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** What a function rejects with or throws: an error of Afterword with this code. */
export async function refusalOf(code: AfterwordError['code'], run: () => unknown): Promise<AfterwordError> {
  let refused: unknown
  await assert.rejects(
    async () => run(),
    (error) => {
      refused = error
      return isAfterwordError(error, code)
    },
  )
  return refused as AfterwordError
}

/** Declares the tests. */
export function sqliteSessions<C extends Connection>(library: SqliteLibrary<C>): void {
  const { name } = library

  function opened(t: TestContext, options: SessionOptions = {}) {
    const file = sqliteFile(t)
    const connection = library.open(file)
    t.after(() => connection.close())
    return { file, connection, provider: library.provider(connection, options) }
  }

  const insert = ({ handle }: OpenSession<C>, id: string) => handle.exec(`INSERT INTO effect VALUES ('${id}')`)

  async function ended(session: OpenSession<C>): Promise<void> {
    await session.rollback()
    await session.close(false)
  }

  describe(`a session of ${name}`, () => {
    test('has the connection in turn, in the order asked', async (t) => {
      const { file, provider } = opened(t)
      const order: number[] = []
      const work = async (id: number) => {
        const session = await provider.open()
        order.push(id)
        await turns()
        insert(session, `id-${id}`)
        await session.commit()
        order.push(id)
        await session.close(false)
      }
      await Promise.all([work(1), work(2), work(3)])
      assert.deepEqual(order, [1, 1, 2, 2, 3, 3])
      assert.deepEqual(idsIn(library, file), ['id-1', 'id-2', 'id-3'])
    })

    test('waits for those of another provider of the same connection', async (t) => {
      const { connection, provider } = opened(t)
      const first = await provider.open()
      let isOpen = false
      const opening = Promise.resolve(library.provider(connection).open())
      void opening.then(() => (isOpen = true))
      await turns()
      assert.equal(isOpen, false)
      await ended(first)
      await ended(await opening)
    })

    test('waits for another connection that writes, while the event loop turns', async (t) => {
      const { file, connection, provider } = opened(t)
      connection.exec('PRAGMA busy_timeout = 60000')
      const other = library.open(file)
      t.after(() => other.close())
      other.exec('BEGIN IMMEDIATE')
      let isOpen = false
      const opening = Promise.resolve(provider.open())
      void opening.then(() => (isOpen = true))
      await turns()
      assert.equal(isOpen, false)
      other.exec("INSERT INTO effect VALUES ('first'); COMMIT")
      const session = await opening
      assert.partialDeepStrictEqual(session.handle.prepare('SELECT id FROM effect').get(), { id: 'first' })
      await ended(session)
    })

    test('leaves the busy timeout as it was', async (t) => {
      const { connection, provider } = opened(t)
      connection.exec('PRAGMA busy_timeout = 1234')
      const session = await provider.open()
      const { timeout } = session.handle.prepare('PRAGMA busy_timeout').get() as { readonly timeout: number }
      assert.equal(timeout, 1234)
      await ended(session)
    })

    test('that cannot begin gives its turn back', async (t) => {
      const { connection, provider } = opened(t)
      connection.exec('BEGIN')
      await assert.rejects(async () => provider.open(), /within a transaction/)
      connection.exec('ROLLBACK')
      await ended(await provider.open())
    })

    test('that the application has committed by itself is not committed again, and nothing more is written in it', async (t) => {
      const { file, provider } = opened(t)
      const session = await provider.open()
      insert(session, 'a')
      session.handle.exec('COMMIT')
      const { details } = await refusalOf('SESSION_TRANSACTION_OVER', () => session.commit())
      assert.equal((details as { library: string }).library, name)
      await refusalOf('SESSION_TRANSACTION_OVER', () => session.sql!.query("INSERT INTO effect VALUES ('b')", []))
      await ended(session)
      await ended(await provider.open())
      assert.deepEqual(idsIn(library, file), ['a'])
    })

    test('that SQLite has rolled back by itself is not committed, and can be given up', async (t) => {
      const { file, provider } = opened(t)
      const session = await provider.open()
      insert(session, 'a')
      assert.throws(() => session.handle.exec("INSERT OR ROLLBACK INTO effect VALUES ('a')"))
      await refusalOf('SESSION_TRANSACTION_OVER', () => session.commit())
      await ended(session)
      assert.deepEqual(idsIn(library, file), [])
    })

    test('whose connection was closed is not committed, and keeps nobody waiting', async (t) => {
      const file = sqliteFile(t)
      const connection = library.open(file)
      const provider = library.provider(connection)
      const session = await provider.open()
      insert(session, 'a')
      connection.close()
      await refusalOf('SESSION_TRANSACTION_OVER', () => session.commit())
      await ended(session)
      await assert.rejects(async () => provider.open(), /not open/)
      assert.deepEqual(idsIn(library, file), [])
    })

    test('refuses what comes after its end, and passes on everything before', async (t) => {
      const { provider } = opened(t)
      const session = await provider.open()
      const state: { over?: Error } = {}
      const db = guarded(session.handle, () => state.over)
      db.exec("INSERT INTO effect VALUES ('a')")
      assert.equal(library.isTransaction(db), true)
      const statement = db.prepare('SELECT count(*) AS n FROM effect')
      assert.partialDeepStrictEqual(statement.get(), { n: 1 })
      state.over = new Error('over')
      assert.throws(() => db.exec('SELECT 1'), state.over)
      assert.throws(() => library.isTransaction(db), state.over)
      await ended(session)
    })

    test('without a transaction shares the connection, but not with a transaction', async (t) => {
      const { file, connection, provider } = opened(t, { transaction: false })
      const [first, second] = [await provider.open(), await provider.open()]
      assert.equal(first.sql, undefined)
      let isOpen = false
      const opening = Promise.resolve(library.provider(connection).open())
      void opening.then(() => (isOpen = true))
      insert(first, 'a')
      await first.close(false)
      await turns()
      assert.equal(isOpen, false)
      const third = provider.open()
      insert(second, 'b')
      await second.close(false)
      const transaction = await opening
      insert(transaction, 'c')
      await ended(transaction)
      await (await third).close(false)
      assert.deepEqual(idsIn(library, file), ['a', 'b'])
    })

    test('has rows with names and numbers, whatever the connection was made with', async (t) => {
      const { provider } = opened(t)
      const session = await provider.open()
      const [row] = await session.sql!.query('SELECT ? AS a, ? AS b', [1, 'x'])
      assert.deepEqual({ ...row }, { a: 1, b: 'x' })
      assert.deepEqual(await session.sql!.query("INSERT INTO effect VALUES ('a')", []), [])
      await ended(session)
    })
  })

  describe(`the provider of ${name}`, () => {
    test('knows the file, and that there is but one session at a time', (t) => {
      const { file, connection, provider } = opened(t)
      assert.deepEqual([provider.file, provider.size, provider.single], [file, 1, true])
      assert.equal(library.provider(connection, { transaction: false }).size, undefined)
      const memory = library.open(':memory:')
      assert.equal(library.provider(memory).file, undefined)
      memory.close()
    })

    test('finds the way into a transaction that the application has begun', async (t) => {
      const { file, connection, provider } = opened(t)
      connection.exec('BEGIN')
      const sql = provider.sqlOf!(connection)!
      await sql.query('INSERT INTO effect VALUES (?)', ['a'])
      connection.exec('ROLLBACK')
      assert.deepEqual(idsIn(library, file), [])
      for (const none of [undefined, null, {}, 'BEGIN', { exec() {}, prepare() {} }]) {
        assert.equal(provider.sqlOf!(none), undefined)
      }
    })

    test('refuses what is no connection of the library, and one that is closed', async () => {
      const closed = library.open(':memory:')
      closed.close()
      for (const wrong of [undefined, null, 'file.db', {}, { exec() {}, prepare() {} }, closed]) {
        await refusalOf('SESSION_WRONG_OBJECT', () => library.provider(wrong as C))
      }
    })
  })
}
