/** Goal: sessions of `pg` on a real server: how they end, what the pool has afterwards, and what bad use gets. */
import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { createRequire, registerHooks } from 'node:module'
import { after, before, describe, test, type TestContext } from 'node:test'
import pg from 'pg'
import { isAfterwordError } from '../../src/model/errors.ts'
import type { OpenSession } from '../../src/model/session.ts'
import { guarded } from '../../src/sessions/guard.ts'
import { pgSession, type PgSession } from '../../src/sessions/pg.ts'
import { skipPostgres } from '../support/databases.ts'
import { type PostgresServer, postgresServer } from './server.ts'

const SIZE = 3

describe('sessions of pg', { skip: skipPostgres }, () => {
  let server: PostgresServer
  before(async () => {
    server = await postgresServer()
  })
  after(() => server.end())

  function pool(t: TestContext, options: pg.PoolConfig = {}): pg.Pool {
    const made = new pg.Pool({ connectionString: server.url, max: SIZE, ...options })
    // Connections break while nobody uses them, some of them with the database at the end.
    made.on('error', () => undefined)
    t.after(() => made.end())
    return made
  }

  test('a commit keeps what was done, a rollback does not, and the pool is full again', async (t) => {
    const clients = pool(t)
    const provider = pgSession(clients)
    assert.equal(provider.size, SIZE)
    const kept = await provider.open()
    await kept.handle.query("INSERT INTO effect VALUES ('pg-kept')")
    assert.equal((await server.ids()).includes('pg-kept'), false)
    await kept.commit()
    await kept.close(false)
    const dropped = await provider.open()
    await dropped.handle.query("INSERT INTO effect VALUES ('pg-dropped')")
    await dropped.rollback()
    await dropped.close(false)
    assert.deepEqual(await idsOf('pg-kept', 'pg-dropped'), ['pg-kept'])
    assert.deepEqual([clients.totalCount, clients.idleCount], [1, 1])
  })

  async function idsOf(...wanted: readonly string[]): Promise<readonly string[]> {
    return (await server.ids()).filter((id) => wanted.includes(id))
  }

  for (const level of ['read committed', 'repeatable read', 'serializable'] as const) {
    test(`its isolation level can be ${level}`, async (t) => {
      const session = await pgSession(pool(t), { isolation: level }).open()
      const { rows } = await session.handle.query('SHOW transaction_isolation')
      assert.deepEqual(rows, [{ transaction_isolation: level }])
      await end(session)
    })
  }

  test('without a transaction a session is a connection', async (t) => {
    const clients = pool(t)
    const provider = pgSession(clients, { transaction: false })
    const session = await provider.open()
    assert.equal(provider.transaction, false)
    assert.equal(session.sql, undefined)
    await session.handle.query("INSERT INTO effect VALUES ('pg-at-once')")
    assert.deepEqual(await idsOf('pg-at-once'), ['pg-at-once'])
    await session.close(false)
    assert.equal(clients.idleCount, 1)
  })

  test('a transaction that was left open does not reach the next one', async (t) => {
    const clients = pool(t)
    const session = await pgSession(clients, { transaction: false }).open()
    await session.handle.query("BEGIN; INSERT INTO effect VALUES ('pg-left-open')")
    await session.close(false)
    assert.deepEqual([clients.totalCount, clients.idleCount], [0, 0])
    assert.deepEqual(await idsOf('pg-left-open'), [])
  })

  test('a statement is part of the transaction, with any value', async (t) => {
    const { handle, sql, ...session } = await pgSession(pool(t)).open()
    const [row] = await sql!.query('SELECT $1::text a, $2::int b, $3::bigint::text c, $4::text d', [
      "it's",
      1,
      2n ** 60n,
      null,
    ])
    assert.deepEqual({ ...row }, { a: "it's", b: 1, c: String(2n ** 60n), d: null })
    await sql!.query('INSERT INTO effect VALUES ($1)', ['pg-statement'])
    assert.equal((await handle.query("SELECT 1 FROM effect WHERE id = 'pg-statement'")).rowCount, 1)
    await session.rollback()
    await session.close(false)
    assert.deepEqual(await idsOf('pg-statement'), [])
  })

  describe('a last statement with the commit', () => {
    test('is committed with what was done', async (t) => {
      const session = await pgSession(pool(t)).open()
      await session.handle.query("INSERT INTO effect VALUES ('pg-with')")
      const text = `'; ROLLBACK; -- "$1" \\' 🦊`
      await session.commitWith!('INSERT INTO effect SELECT $1 || $2 || coalesce($3, $1)', [text, 7, null])
      await session.close(false)
      assert.deepEqual(await idsOf('pg-with', `${text}7${text}`), [`${text}7${text}`, 'pg-with'])
    })

    test('commits nothing when it fails', async (t) => {
      const clients = pool(t)
      await server.query("INSERT INTO effect VALUES ('pg-conflict')")
      const session = await pgSession(clients).open()
      await session.handle.query("INSERT INTO effect VALUES ('pg-beside-conflict')")
      await assert.rejects(session.commitWith!('INSERT INTO effect VALUES ($1)', ['pg-conflict']), { code: '23505' })
      await session.rollback()
      await session.close(false)
      assert.deepEqual(await idsOf('pg-beside-conflict'), [])
      assert.equal(clients.idleCount, 1)
    })

    test('rejects with what is checked at the commit', async (t) => {
      const session = await pgSession(pool(t)).open()
      await assert.rejects(session.commitWith!('INSERT INTO child VALUES ($1)', ['pg-orphan']), { code: '23503' })
      await session.rollback()
      await session.close(false)
    })
  })

  describe('a transaction that is over is not committed in silence', () => {
    const over = (why: RegExp) => (error: unknown) => {
      assert.ok(isAfterwordError(error, 'SESSION_TRANSACTION_OVER'))
      assert.match(error.message, why)
      return true
    }

    test('after a query that failed and was caught', async (t) => {
      const session = await pgSession(pool(t)).open()
      await session.handle.query("INSERT INTO effect VALUES ('pg-before-failure')")
      await assert.rejects(session.handle.query('SELECT nothing_like_that'))
      await assert.rejects(async () => session.commit(), over(/a query in it had failed/))
      await end(session)
      assert.deepEqual(await idsOf('pg-before-failure'), [])
    })

    test('after a query whose failure nobody has seen yet', async (t) => {
      const session = await pgSession(pool(t)).open()
      session.handle.query('SELECT nothing_like_that', () => undefined)
      await assert.rejects(async () => session.commit(), over(/a query in it had failed/))
      await end(session)
    })

    test('after a COMMIT of somebody else', async (t) => {
      const session = await pgSession(pool(t)).open()
      await session.handle.query('COMMIT')
      await assert.rejects(async () => session.commit(), over(/a statement had ended it/))
      await assert.rejects(async () => session.commitWith!('SELECT 1', []), over(/a statement had ended it/))
      await assert.rejects(async () => session.sql!.query('SELECT 1', []), over(/a statement had ended it/))
      await session.close(false)
    })

    test('a failure inside of a savepoint ends nothing', async (t) => {
      const session = await pgSession(pool(t)).open()
      await session.handle.query("INSERT INTO effect VALUES ('pg-savepoint'); SAVEPOINT a")
      await assert.rejects(session.handle.query('SELECT nothing_like_that'))
      await session.handle.query('ROLLBACK TO SAVEPOINT a')
      await session.commit()
      await session.close(false)
      assert.deepEqual(await idsOf('pg-savepoint'), ['pg-savepoint'])
    })
  })

  describe('a connection that is lost', () => {
    for (const how of ['commit', 'rollback', 'query'] as const) {
      test(`makes a ${how} reject, and does not return to the pool`, async (t) => {
        const clients = pool(t)
        const session = await pgSession(clients).open()
        await session.handle.query("INSERT INTO effect VALUES ('pg-lost')")
        await sever(session)
        const use = {
          commit: () => session.commit(),
          rollback: () => session.rollback(),
          query: () => session.handle.query('SELECT 1'),
        }
        await assert.rejects(async () => use[how]())
        await session.close(false)
        assert.deepEqual([clients.totalCount, clients.idleCount, clients.waitingCount], [0, 0, 0])
        assert.deepEqual(await idsOf('pg-lost'), [])
      })
    }

    test('while it waited in the pool: nothing is opened, and nothing is kept', async (t) => {
      const clients = pool(t)
      const provider = pgSession(clients)
      // Checked out at this moment, the pool does not learn of the loss before BEGIN does.
      clients.once('acquire', (client: pg.PoolClient) => {
        client.connection.stream.destroy()
      })
      await assert.rejects(async () => provider.open())
      assert.deepEqual([clients.totalCount, clients.idleCount], [0, 0])
      await end(await provider.open())
      assert.equal(clients.idleCount, 1)
    })

    async function sever({ handle }: OpenSession<PgSession>): Promise<void> {
      const { rows } = await handle.query<{ pid: number }>('SELECT pg_backend_pid() pid')
      const ended = new Promise((resolve) => (handle as EventEmitter).once('end', resolve))
      await Promise.all([ended, server.terminate(rows[0]!.pid)])
    }
  })

  test('a BEGIN that the server refuses leaves the pool whole', async (t) => {
    const clients = pool(t)
    clients.on('connect', (client) => void client.query('BEGIN; SELECT 1/0').catch(() => undefined))
    await assert.rejects(async () => pgSession(clients).open(), { code: '25P02' })
    assert.deepEqual([clients.totalCount, clients.idleCount], [0, 0])
  })

  test('a query that nobody awaits is counted, until it is answered', async (t) => {
    const clients = pool(t)
    const provider = pgSession(clients)
    const [first, second] = [await provider.open(), await provider.open()]
    await first.handle.query("INSERT INTO effect VALUES ('pg-slow')")
    const slow = second.handle.query("INSERT INTO effect VALUES ('pg-slow')")
    assert.deepEqual([first.running!(), second.running!()], [0, 1])
    await end(first)
    await slow
    assert.equal(second.running!(), 0)
    await end(second)
    assert.equal(clients.idleCount, 2)
  })

  test('a client that does not answer is given up', async (t) => {
    const clients = pool(t)
    const provider = pgSession(clients)
    const [first, second] = [await provider.open(), await provider.open()]
    await first.handle.query("INSERT INTO effect VALUES ('pg-stuck')")
    const stuck = assert.rejects(second.handle.query("INSERT INTO effect VALUES ('pg-stuck')"))
    await server.waiting(1)
    await second.close(true)
    await stuck
    await end(first)
    assert.deepEqual([clients.totalCount, clients.idleCount], [1, 1])
  })

  test('a helper that releases the client takes nothing away', async (t) => {
    const clients = pool(t)
    const session = await pgSession(clients).open()
    ;(session.handle as pg.PoolClient).release()
    assert.equal(clients.idleCount, 0)
    await session.handle.query('SELECT 1')
    await end(session)
    assert.equal(clients.idleCount, 1)
  })

  test('the client is as it was when it is back', async (t) => {
    const clients = pool(t)
    const traced: string[] = []
    clients.on('connect', (client) => {
      const query = client.query.bind(client) as (...args: readonly unknown[]) => unknown
      const tracing = (...args: readonly unknown[]): unknown => {
        traced.push(String(args[0]))
        return query(...args)
      }
      Object.assign(client, { query: tracing })
    })
    await end(await pgSession(clients).open())
    await clients.query('SELECT 1')
    assert.deepEqual(traced, ['BEGIN', 'ROLLBACK', 'SELECT 1'])
  })

  test('the guard lets through what a client can do, and nothing after the end', async (t) => {
    const session = await pgSession(pool(t)).open()
    const use: { refusal?: Error } = {}
    const db = guarded(session.handle, () => use.refusal)
    const { rows } = await db.query<{ one: number }>('SELECT 1 one')
    assert.deepEqual(rows, [{ one: 1 }])
    assert.equal(db.escapeLiteral("it's"), "'it''s'")
    assert.equal(pgSession(pool(t)).sqlOf!(db)?.dialect, 'postgres')
    use.refusal = new Error('over')
    assert.throws(() => db.query('SELECT 1'), use.refusal)
    await end(session)
  })

  test('a transaction of the application is recognized, and what is none is not', async (t) => {
    const clients = pool(t)
    const provider = pgSession(clients)
    const client = await clients.connect()
    assert.equal(provider.sqlOf!(client), undefined)
    await client.query('BEGIN')
    const sql = provider.sqlOf!(client)!
    await sql.query('INSERT INTO effect VALUES ($1)', ['pg-own'])
    await client.query('ROLLBACK')
    client.release()
    assert.deepEqual(await idsOf('pg-own'), [])
    const others = [clients, undefined, null, {}, 'pg', { query() {}, release() {} }]
    for (const none of others) assert.equal(provider.sqlOf!(none), undefined)
  })

  async function end(session: OpenSession<PgSession>): Promise<void> {
    await session.rollback()
    await session.close(false)
  }
})

describe('pgSession refuses', () => {
  const wrong = (given: unknown, got: RegExp) =>
    assert.throws(
      () => pgSession(given as pg.Pool),
      (error) => {
        assert.ok(isAfterwordError(error, 'SESSION_WRONG_OBJECT'))
        assert.match(error.message, got)
        return true
      },
    )

  test('what is no pool', () => {
    wrong(new pg.Client(), /pgSession takes a Pool of pg, got an instance of Client/)
    wrong('postgres://', /got "postgres:\/\/"/)
    wrong(undefined, /got undefined/)
    wrong({ connectionString: 'postgres://' }, /got an object/)
  })

  test('a pool of pg-native', () => {
    // Its class is loaded without the library in C, which this does not need.
    const hooks = registerHooks({
      resolve: (specifier, context, next) =>
        specifier === 'pg-native' ? { url: 'node:util', shortCircuit: true } : next(specifier, context),
    })
    const Client = createRequire(import.meta.url)('pg/lib/native/index.js') as typeof pg.Client
    hooks.deregister()
    wrong(new pg.Pool({ Client }), /not one of pg-native/)
  })
})
