/** Goal: sessions of Kysely on real databases: what is theirs alone, how they end, and what bad use gets. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import {
  CamelCasePlugin,
  DummyDriver,
  Kysely,
  MssqlAdapter,
  MssqlIntrospector,
  MssqlQueryCompiler,
  MysqlDialect,
  PostgresDialect,
  sql,
  SqliteDialect,
  Transaction,
} from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { defineTask } from '../../src/define-task.ts'
import type { OpenSession } from '../../src/model/session.ts'
import { guarded } from '../../src/sessions/guard.ts'
import { kyselySession, nodeSqliteDatabase } from '../../src/sessions/kysely.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, databaseFile, later } from '../support/bench.ts'
import { mariadbDatabase, skipMariadb, skipPostgres } from '../support/databases.ts'
import { postgresServer } from './server.ts'
import { refusalOf, sqliteFile, turns } from './sqlite-sessions.ts'

interface Tables {
  effect: { id: string }
  child: { id: string }
}

async function ended<Handle>(session: OpenSession<Handle>): Promise<void> {
  await session.rollback()
  await session.close(false)
}

describe('sessions of Kysely on Postgres', { skip: skipPostgres }, async () => {
  const server = skipPostgres === false ? await postgresServer() : undefined!

  function opened(t: TestContext, config: { readonly log?: (sql: string) => void } = {}) {
    const pool = new pg.Pool({ connectionString: server.url, max: 2 })
    const { log } = config
    const db = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool }),
      ...(log && { log: (event) => log(event.query.sql) }),
    })
    t.after(() => db.destroy())
    return { db, pool, taken: () => pool.totalCount - pool.idleCount }
  }

  test('a session is a transaction that has no end of its own', async (t) => {
    const { db } = opened(t)
    const session = await kyselySession(db).open()
    assert.ok(session.handle instanceof Transaction)
    assert.equal('commit' in session.handle, false)
    await ended(session)
  })

  test('a COMMIT or ROLLBACK as raw SQL is refused, a savepoint is not', async (t) => {
    const { db } = opened(t)
    const session = await kyselySession(db).open()
    const run = (text: string) => sql.raw(text).execute(session.handle)
    for (const text of ['commit', ' COMMIT;', 'rollback', 'end', 'START TRANSACTION']) {
      const { details } = await refusalOf('SESSION_END_REFUSED', () => run(text))
      assert.deepEqual(details, { library: 'kysely', used: `"${text.trim()}"` })
    }
    await run('savepoint one')
    await session.handle.insertInto('effect').values({ id: 'kysely-savepoint' }).execute()
    await run('ROLLBACK TO SAVEPOINT one')
    await run('rollback work to one')
    await session.handle.insertInto('effect').values({ id: 'kysely-after-savepoint' }).execute()
    await session.commit()
    await session.close(false)
    const ids = await server.ids()
    assert.deepEqual([ids.includes('kysely-savepoint'), ids.includes('kysely-after-savepoint')], [false, true])
  })

  test('its isolation level can be chosen', async (t) => {
    const session = await kyselySession(opened(t).db, { isolation: 'serializable' }).open()
    const { rows } = await sql`SHOW transaction_isolation`.execute(session.handle)
    assert.deepEqual(rows, [{ transaction_isolation: 'serializable' }])
    await ended(session)
  })

  test('a commit that the database refuses rejects with its reason, and the pool is full again', async (t) => {
    const { db, taken } = opened(t)
    const session = await kyselySession(db).open()
    await session.handle.insertInto('child').values({ id: 'orphan' }).execute()
    await assert.rejects(async () => session.commit(), /foreign key/)
    await ended(session)
    assert.equal(taken(), 0)
  })

  test('a transaction in which a query failed is not committed', async (t) => {
    const { db, taken } = opened(t)
    const session = await kyselySession(db).open()
    await assert.rejects(sql`SELECT 1 / 0`.execute(session.handle), /division by zero/)
    await assert.rejects(async () => session.commit(), /aborted/i)
    await ended(session)
    assert.equal(taken(), 0)
  })

  test('statements of Afterword go past the plugins of the application', async (t) => {
    const { db } = opened(t)
    const session = await kyselySession(db.withPlugin(new CamelCasePlugin())).open()
    const rows = await session.sql!.query("SELECT $1::text AS task_id, '?' AS sign", ['a'])
    assert.deepEqual(rows, [{ task_id: 'a', sign: '?' }])
    const { rows: theirs } = await sql`SELECT 1 AS task_id`.execute(session.handle)
    assert.deepEqual(theirs, [{ taskId: 1 }])
    await ended(session)
  })

  test('the log of the application is there during a session and after it', async (t) => {
    const logged: string[] = []
    const { db } = opened(t, { log: (text) => logged.push(text) })
    for (const text of ['SELECT 1', 'SELECT 2']) {
      const session = await kyselySession(db).open()
      await sql.raw(text).execute(session.handle)
      await ended(session)
    }
    await sql`SELECT 3`.execute(db)
    const transaction = (text: string) => ['begin', text, 'rollback']
    assert.deepEqual(logged, [...transaction('SELECT 1'), ...transaction('SELECT 2'), 'SELECT 3'])
  })

  test('without a transaction a session is one connection, with transactions of its own', async (t) => {
    const { db, taken } = opened(t)
    const session = await kyselySession(db, { transaction: false }).open()
    const pid = async () => (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(session.handle)).rows
    assert.deepEqual(await pid(), await pid())
    assert.equal(session.sql, undefined)
    await session.handle
      .transaction()
      .execute((transaction) => transaction.insertInto('effect').values({ id: 'kysely-own' }).execute())
    assert.equal(taken(), 1)
    await session.close(false)
    await untilTaken(taken, 0)
    assert.ok((await server.ids()).includes('kysely-own'))
  })

  test('a connection that is lost in the middle is an error of the session alone', async (t) => {
    const { db, pool, taken } = opened(t)
    const session = await kyselySession(db, { pool }).open()
    const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(session.handle)
    await server.terminate(rows[0]!.pid)
    await assert.rejects(async () => session.commit())
    await session.rollback()
    await session.close(true)
    await untilTaken(taken, 0)
    assert.equal(pool.totalCount, 0)
  })

  test('the guard lets through what a transaction can do, and nothing after the end', async (t) => {
    const session = await kyselySession(opened(t).db).open()
    const state: { over?: Error } = {}
    const db = guarded(session.handle, () => state.over)
    await db.insertInto('effect').values({ id: 'kysely-guard' }).execute()
    const { n } = await db
      .withPlugin(new CamelCasePlugin())
      .selectFrom('effect')
      .select(db.fn.countAll<string>().as('n'))
      .where('id', '=', 'kysely-guard')
      .executeTakeFirstOrThrow()
    assert.equal(Number(n), 1)
    assert.equal(db.isTransaction, true)
    state.over = new Error('over')
    assert.throws(() => db.selectFrom('effect'), state.over)
    assert.throws(() => db.fn, state.over)
    await ended(session)
  })

  test('an open transaction of the application is recognized, and what is none is not', async (t) => {
    const { db } = opened(t)
    const provider = kyselySession(db)
    await assert.rejects(
      db.transaction().execute(async (transaction) => {
        await provider.sqlOf!(transaction.withSchema('public'))!.query('INSERT INTO effect VALUES ($1)', [
          'kysely-taken-back',
        ])
        throw new Error('declined')
      }),
      /declined/,
    )
    assert.equal((await server.ids()).includes('kysely-taken-back'), false)
    const controlled = await db.startTransaction().execute()
    assert.equal(provider.sqlOf!(controlled)?.dialect, 'postgres')
    const other = kyselySession(opened(t).db)
    assert.equal(other.sqlOf!(controlled), undefined)
    await controlled.commit().execute()
    for (const none of [controlled, db, undefined, null, 'transaction', { isTransaction: true }]) {
      assert.equal(provider.sqlOf!(none), undefined)
    }
  })

  test('the pool says how many sessions there can be at once', (t) => {
    const { db, pool } = opened(t)
    assert.deepEqual([kyselySession(db).size, kyselySession(db, { pool }).size], [undefined, 2])
  })
})

/** Waits until so many connections are out of the pool. */
async function untilTaken(taken: () => number, count: number): Promise<void> {
  while (taken() !== count) await turns()
}

describe('sessions of Kysely on MariaDB', { skip: skipMariadb }, () => {
  async function opened(t: TestContext) {
    const database = await mariadbDatabase()
    const pool = createPool({ uri: database.url, connectionLimit: 3 })
    const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) })
    t.after(async () => {
      await db.destroy()
      await database.drop()
    })
    await db.schema
      .createTable('effect')
      .addColumn('id', 'varchar(100)', (id) => id.primaryKey())
      .execute()
    return { db, provider: kyselySession(db, { pool }) }
  }

  test('a stream that was not read to its end is a query without an answer', async (t) => {
    const { db, provider } = await opened(t)
    await db
      .insertInto('effect')
      .values([{ id: 'a' }, { id: 'b' }])
      .execute()
    const session = await provider.open()
    const stream = session.handle.selectFrom('effect').selectAll().stream()
    assert.deepEqual((await stream.next()).value, { id: 'a' })
    assert.equal(session.running!(), 1)
    await stream.return!()
    assert.equal(session.running!(), 0)
    await ended(session)
  })

  test('a session that has a stream open can be rolled back', async (t) => {
    const { provider } = await opened(t)
    const session = await provider.open()
    await session.handle.insertInto('effect').values({ id: 'a' }).execute()
    const stream = session.handle.selectFrom('effect').selectAll().stream()
    await stream.next()
    await ended(session)
    assert.equal(provider.size, 3)
  })

  test('a statement that changes tables is refused, for it would commit', async (t) => {
    const { provider } = await opened(t)
    const session = await provider.open()
    const make = session.handle.schema.createTable('other').addColumn('id', 'integer')
    await refusalOf('SESSION_END_REFUSED', () => make.execute())
    await make.temporary().execute()
    await ended(session)
  })

  test('its isolation level can be chosen', async (t) => {
    const { db } = await opened(t)
    const session = await kyselySession(db, { isolation: 'serializable' }).open()
    assert.equal(session.sql?.dialect, 'mysql')
    await session.handle.insertInto('effect').values({ id: 'a' }).execute()
    const query = sql`SELECT trx_isolation_level AS level FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = connection_id()`
    assert.deepEqual((await query.execute(session.handle)).rows, [{ level: 'SERIALIZABLE' }])
    await ended(session)
  })
})

describe('sessions of Kysely on SQLite', () => {
  test('write from the beginning, and wait for others without stopping the event loop', async (t) => {
    const file = sqliteFile(t)
    const database = new Database(file, { timeout: 60_000 })
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
    const other = new Database(file)
    t.after(async () => {
      await db.destroy()
      other.close()
    })
    other.exec('BEGIN IMMEDIATE')
    let isOpen = false
    const opening = Promise.resolve(kyselySession(db).open())
    void opening.then(() => (isOpen = true))
    await turns()
    assert.equal(isOpen, false)
    other.exec('COMMIT')
    const session = await opening
    assert.throws(() => other.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE'), /locked/)
    assert.equal(database.pragma('busy_timeout', { simple: true }), 60_000)
    await ended(session)
  })

  test('a session that cannot begin leaves the connection to the next one', async (t) => {
    const database = new Database(sqliteFile(t))
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
    t.after(() => db.destroy())
    const provider = kyselySession(db)
    assert.deepEqual([provider.size, provider.single, provider.sqlite, provider.file], [1, true, 'other', undefined])
    database.exec('BEGIN')
    await assert.rejects(async () => provider.open(), /within a transaction/)
    database.exec('ROLLBACK')
    await ended(await provider.open())
  })

  test('takes turns with other sessions of the same connection of node:sqlite', async (t) => {
    const file = sqliteFile(t)
    const database = new DatabaseSync(file)
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqliteDatabase(database) }) })
    t.after(() => db.destroy())
    const provider = kyselySession(db, { database })
    assert.deepEqual([provider.sqlite, provider.file], ['node', file])
    const session = await provider.open()
    assert.equal(session.sql?.database, database)
    let isOpen = false
    const opening = Promise.resolve(nodeSqliteSession(database).open())
    void opening.then(() => (isOpen = true))
    await session.handle.insertInto('effect').values({ id: 'a' }).execute()
    await turns()
    assert.equal(isOpen, false)
    await session.commit()
    await session.close(false)
    await ended(await opening)
    assert.deepEqual(await db.selectFrom('effect').selectAll().execute(), [{ id: 'a', __proto__: null }])
  })

  test('an attempt on the file of the store ends in the same transaction as what it wrote', async (t) => {
    const file = databaseFile(t)
    const database = new DatabaseSync(file)
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqliteDatabase(database) }) })
    later(t).defer(() => db.destroy())
    const sessions = { db: kyselySession(db, { database }) }
    const work = defineTask({
      name: 'work',
      sessions,
      retry: { attempts: 1 },
      async run(id: string, context) {
        const session = await context.session.db
        await session.insertInto('effect').values({ id }).execute()
        if (id === 'declined') throw new Error('declined')
      },
    })
    const { background, until } = bench(t, { store: `sqlite:${file}`, tasks: [work], sessions })
    await background.start()
    await db.schema.createTable('effect').addColumn('id', 'text').execute()
    await background.result(await background.add(work, 'a'))
    const { id } = await background.add(work, 'declined')
    assert.equal((await until('attempt:end', id)).state, 'failed')
    assert.deepEqual(await db.selectFrom('effect').select('id').execute(), [{ id: 'a', __proto__: null }])
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE name = 'afterword_outcome'").all()
    assert.deepEqual(tables, [])
  })
})

describe('kyselySession', () => {
  test('has no statements for a database that Afterword does not speak to', () => {
    const db = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new MssqlAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (of) => new MssqlIntrospector(of),
        createQueryCompiler: () => new MssqlQueryCompiler(),
      },
    })
    return Promise.resolve(kyselySession(db).open()).then(async (session) => {
      assert.equal(session.sql, undefined)
      await ended(session)
    })
  })

  test('refuses what is no Kysely, a transaction of one, and options that do not fit', async (t) => {
    const database = new Database(':memory:')
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
    t.after(() => db.destroy())
    for (const wrong of [undefined, null, database, {}]) {
      await refusalOf('SESSION_WRONG_OBJECT', () => kyselySession(wrong as Kysely<Tables>))
    }
    await db.transaction().execute(async (transaction) => {
      await refusalOf('SESSION_WRONG_OBJECT', () => kyselySession<Tables>(transaction))
    })
    await refusalOf('OPTION_INVALID', () => kyselySession(db, { database: database as unknown as DatabaseSync }))
    await refusalOf('OPTION_INVALID', () => kyselySession(db, { pool: database as never }))
    await refusalOf('OPTION_UNKNOWN', () => kyselySession(db, { pol: 1 } as object))
  })
})
