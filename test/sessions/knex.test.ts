/** Goal: sessions of Knex on real databases: what is theirs alone, how they end, and what bad use gets. */
import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { describe, test, type TestContext } from 'node:test'
import type { Database } from 'better-sqlite3'
import makeKnex, { type Knex } from 'knex'
import pg from 'pg'
import type { Pool } from 'tarn'
import type { OpenSession } from '../../src/model/session.ts'
import { guarded } from '../../src/sessions/guard.ts'
import { type KnexSession, knexSession } from '../../src/sessions/knex.ts'
import { mariadbDatabase, skipMariadb, skipPostgres } from '../support/databases.ts'
import { postgresServer } from './server.ts'
import { refusalOf, sqliteFile, turns } from './sqlite-sessions.ts'

async function ended<Handle>(session: OpenSession<Handle>): Promise<void> {
  await session.rollback()
  await session.close(false)
}

const taken = (knex: Knex) => (knex.client as { readonly pool: Pool<unknown> }).pool.numUsed()

describe('sessions of Knex on Postgres', { skip: skipPostgres }, async () => {
  const server = skipPostgres === false ? await postgresServer() : undefined!

  function opened(t: TestContext, config: Knex.Config = {}): Knex {
    const knex = makeKnex({ client: 'pg', connection: server.url, pool: { min: 0, max: 2 }, ...config })
    t.after(() => knex.destroy())
    return knex
  }

  test('only the session ends its transaction', async (t) => {
    const knex = opened(t)
    const session = await knexSession(knex).open()
    const trx = session.handle as Knex.Transaction
    const { stack, details } = await refusalOf('SESSION_END_REFUSED', () => trx.commit())
    assert.match(
      stack!.split('\n').find((line) => /^ +at /.test(line))!,
      /knex\.test\.ts/,
    )
    assert.deepEqual(details, { library: 'knex', used: '.commit' })
    await refusalOf('SESSION_END_REFUSED', () => trx.rollback())
    await refusalOf('SESSION_END_REFUSED', () => trx.raw('commit'))
    await trx('effect').insert({ id: 'knex-kept' })
    await session.commit()
    await session.close(false)
    assert.ok((await server.ids()).includes('knex-kept'))
    assert.equal(taken(knex), 0)
  })

  test('transactions inside of it are savepoints, and count until they are over', async (t) => {
    const session = await knexSession(opened(t)).open()
    await session.handle.transaction((nested) => nested('effect').insert({ id: 'knex-nested' }))
    assert.equal(session.running!(), 0)
    const nested = await session.handle.transaction()
    await nested('effect').insert({ id: 'knex-taken-back' })
    assert.equal(session.running!(), 1)
    await nested.rollback()
    assert.equal(session.running!(), 0)
    await session.commit()
    await session.close(false)
    const ids = await server.ids()
    assert.deepEqual([ids.includes('knex-nested'), ids.includes('knex-taken-back')], [true, false])
  })

  test('its isolation level can be chosen', async (t) => {
    const session = await knexSession(opened(t), { isolation: 'serializable' }).open()
    const { rows } = await session.handle.raw<{ rows: unknown }>('SHOW transaction_isolation')
    assert.deepEqual(rows, [{ transaction_isolation: 'serializable' }])
    await ended(session)
  })

  test('a commit that the database refuses rejects with its reason, and the pool is full again', async (t) => {
    const knex = opened(t)
    const session = await knexSession(knex).open()
    await session.handle('child').insert({ id: 'orphan' })
    await assert.rejects(async () => session.commit(), /foreign key/)
    await ended(session)
    assert.equal(taken(knex), 0)
  })

  test('a transaction in which a query failed is not committed', async (t) => {
    const knex = opened(t)
    const session = await knexSession(knex).open()
    await assert.rejects(async () => session.handle.raw('SELECT 1 / 0'), /division by zero/)
    await refusalOf('SESSION_TRANSACTION_OVER', () => session.commit())
    await ended(session)
    assert.equal(taken(knex), 0)
  })

  test('statements of Afterword go past what the application does to answers, and to question marks', async (t) => {
    const knex = opened(t, { postProcessResponse: () => 'changed' })
    const session = await knexSession(knex).open()
    const rows = await session.sql!.query(
      "SELECT $2::text AS b, $1::text AS a, '?' AS sign, '{\"k\":1}'::jsonb ? 'k' AS has",
      ['x', null],
    )
    assert.deepEqual(rows, [{ a: 'x', b: null, sign: '?', has: true }])
    assert.equal(await session.handle.raw('SELECT 1'), 'changed')
    await ended(session)
  })

  test('a pool that the application has brought is as good', async (t) => {
    const connectionPool = new pg.Pool({ connectionString: server.url, max: 3 })
    t.after(() => connectionPool.end())
    const knex = opened(t, { connection: undefined, pool: undefined, connectionPool } as object)
    const provider = knexSession(knex)
    assert.equal(provider.size, 3)
    await ended(await provider.open())
    assert.equal(connectionPool.idleCount, 1)
    const session = await provider.open()
    await session.rollback()
    await session.close(true)
    await ended(await provider.open())
    assert.equal(connectionPool.totalCount - connectionPool.idleCount, 0)
  })

  test('the guard lets through what a transaction can do, and nothing after the end', async (t) => {
    const session = await knexSession(opened(t)).open()
    const state: { over?: Error } = {}
    const db = guarded(session.handle, () => state.over)
    await db('effect').insert({ id: 'knex-guard' })
    await db.into('effect').insert({ id: 'knex-guard-2' })
    assert.equal((await db.select('id').from('effect').where('id', 'like', 'knex-guard%')).length, 2)
    assert.equal(await db.schema.hasTable('effect'), true)
    assert.match(db('effect').where('at', '<', db.fn.now()).toQuery(), /CURRENT_TIMESTAMP/)
    state.over = new Error('over')
    assert.throws(() => db('effect'), state.over)
    assert.throws(() => db.raw('SELECT 1'), state.over)
    await ended(session)
  })

  test('an open transaction of the application is recognized, and what is none is not', async (t) => {
    const knex = opened(t)
    const provider = knexSession(knex)
    const transaction = await knex.transaction()
    await provider.sqlOf!(transaction)!.query('INSERT INTO effect VALUES ($1)', ['knex-application'])
    const nested = await transaction.transaction()
    assert.equal(provider.sqlOf!(nested)?.dialect, 'postgres')
    await nested.commit()
    const copy = knex.withUserParams({ tenant: 1 })
    const ofCopy = await copy.transaction()
    assert.equal(provider.sqlOf!(ofCopy)?.dialect, 'postgres')
    await ofCopy.rollback()
    const other = makeKnex({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true })
    t.after(() => other.destroy())
    assert.equal(knexSession(other).sqlOf!(transaction), undefined)
    await transaction.rollback()
    assert.equal((await server.ids()).includes('knex-application'), false)
    for (const none of [transaction, knex, undefined, null, 'trx', () => {}]) {
      assert.equal(provider.sqlOf!(none), undefined)
    }
  })

  test('without a transaction a session is the Knex itself', async (t) => {
    const knex = opened(t)
    const provider = knexSession(knex, { transaction: false })
    const session = await provider.open()
    assert.deepEqual([session.handle, session.sql, provider.size, taken(knex)], [knex, undefined, undefined, 0])
    await session.close(false)
    assert.equal(knexSession(knex).size, 2)
  })
})

describe('sessions of Knex on MariaDB', { skip: skipMariadb }, () => {
  async function opened(t: TestContext): Promise<Knex> {
    const database = await mariadbDatabase()
    const knex = makeKnex({ client: 'mysql2', connection: database.url })
    t.after(async () => {
      await knex.destroy()
      await database.drop()
    })
    await knex.schema.createTable('effect', (table) => table.string('id', 100).primary())
    return knex
  }

  test('a stream counts until it is closed', async (t) => {
    const knex = await opened(t)
    const session = await knexSession(knex).open()
    assert.equal(session.sql?.dialect, 'mysql')
    const stream = session.handle.raw('SELECT 1 AS one UNION SELECT 2').stream() as Readable
    assert.equal(session.running!(), 1)
    assert.deepEqual(await stream.toArray(), [{ one: 1 }, { one: 2 }])
    while (session.running!() > 0) await turns()
    await ended(session)
    assert.equal(taken(knex), 0)
  })

  test('a statement that changes tables is refused, for it would commit', async (t) => {
    const knex = await opened(t)
    const session = await knexSession(knex).open()
    const make = () => session.handle.schema.createTable('other', (table) => table.integer('id'))
    await refusalOf('SESSION_END_REFUSED', make)
    await refusalOf('SESSION_END_REFUSED', () => session.handle.transaction((nested) => nested.raw('TRUNCATE effect')))
    await ended(session)
    assert.equal(await knex.schema.hasTable('other'), false)
  })

  test('a transaction that a statement has ended unseen takes nothing more', async (t) => {
    const knex = await opened(t)
    const session = await knexSession(knex).open()
    await session.handle.raw('/* hidden */ COMMIT')
    await refusalOf('SESSION_TRANSACTION_OVER', () => session.handle('effect').insert({ id: 'a' }))
    await refusalOf('SESSION_TRANSACTION_OVER', () => session.sql!.query("INSERT INTO effect VALUES ('b')", []))
    await refusalOf('SESSION_TRANSACTION_OVER', () => session.commit())
    await ended(session)
    assert.deepEqual(await knex('effect').select(), [])
  })

  test('the table of outcomes can be made in a session of its own', async (t) => {
    const knex = await opened(t)
    const session = await knexSession(knex).open()
    await session.sql!.query('CREATE TABLE made (id integer)', [])
    await session.commit()
    await session.close(false)
    assert.equal(await knex.schema.hasTable('made'), true)
  })
})

describe('sessions of Knex on SQLite', () => {
  function opened(t: TestContext) {
    const filename = sqliteFile(t)
    const make = () => makeKnex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
    const [knex, other] = [make(), make()]
    t.after(async () => {
      await knex.destroy()
      await other.destroy()
    })
    return { filename, knex, other, provider: knexSession(knex) }
  }

  /** What a pool of Knex has for a connection. */
  async function connectionOf(knex: Knex): Promise<Database> {
    const client = knex.client as {
      acquireConnection(): Promise<Database>
      releaseConnection(of: Database): Promise<void>
    }
    const connection = await client.acquireConnection()
    await client.releaseConnection(connection)
    return connection
  }

  test('write from the beginning, and wait for others without stopping the event loop', async (t) => {
    const { filename, knex, other, provider } = opened(t)
    assert.deepEqual([provider.size, provider.single, provider.file], [1, true, filename])
    const writer = await connectionOf(other)
    writer.exec('BEGIN IMMEDIATE')
    let isOpen = false
    const opening = Promise.resolve(provider.open())
    void opening.then(() => (isOpen = true))
    await turns()
    assert.equal(isOpen, false)
    writer.exec("INSERT INTO effect VALUES ('first'); COMMIT; PRAGMA busy_timeout = 0")
    const session = await opening
    assert.throws(() => writer.exec('BEGIN IMMEDIATE'), /locked/)
    assert.equal(session.running!(), 0)
    await session.handle('effect').insert({ id: 'second' })
    await session.commit()
    await session.close(false)
    assert.deepEqual(await knex('effect').select(), [{ id: 'first' }, { id: 'second' }])
    assert.equal((await connectionOf(knex)).pragma('busy_timeout', { simple: true }), 5000)
  })

  test('a session that cannot begin says why, and leaves the connection to the next one', async (t) => {
    const { knex, provider } = opened(t)
    const connection = await connectionOf(knex)
    connection.exec('BEGIN')
    await assert.rejects(async () => provider.open(), /within a transaction/)
    connection.exec('ROLLBACK')
    await ended(await provider.open())
    assert.equal(taken(knex), 0)
  })

  test('closing one as broken keeps the connection, which in memory is the database', async (t) => {
    const { knex, provider } = opened(t)
    const session: OpenSession<KnexSession> = await provider.open()
    await session.rollback()
    await session.close(true)
    assert.deepEqual(await knex('effect').select(), [])
    assert.equal((await connectionOf(knex)).open, true)
  })
})

describe('knexSession', () => {
  test('refuses what is no Knex, and a transaction of one', async (t) => {
    const knex = makeKnex({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true })
    t.after(() => knex.destroy())
    for (const wrong of [undefined, null, {}, makeKnex]) {
      await refusalOf('SESSION_WRONG_OBJECT', () => knexSession(wrong as Knex))
    }
    const transaction = await knex.transaction()
    await refusalOf('SESSION_WRONG_OBJECT', () => knexSession(transaction))
    await transaction.rollback()
    assert.equal(knexSession(knex).file, undefined)
    await refusalOf('OPTION_UNKNOWN', () => knexSession(knex, { isolaton: 'serializable' } as object))
  })
})
