/** Goal: sessions of postgres.js on a real server: how they end, what the pool has afterwards, and what bad use gets. */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import postgres from 'postgres'
import { isAfterwordError } from '../../src/model/errors.ts'
import type { OpenSession, SessionProvider } from '../../src/model/session.ts'
import { guarded } from '../../src/sessions/guard.ts'
import { postgresJsSession } from '../../src/sessions/postgres-js.ts'
import { skipPostgres } from '../support/databases.ts'
import { type PostgresServer, postgresServer } from './server.ts'

const SIZE = 3

type Session = OpenSession<postgres.TransactionSql>

describe('sessions of postgres.js', { skip: skipPostgres }, () => {
  let server: PostgresServer
  before(async () => {
    server = await postgresServer()
  })
  after(() => server.end())

  function pool(t: TestContext, options: postgres.Options<{}> = {}): postgres.Sql {
    const made = postgres(server.url, { max: SIZE, onnotice() {}, ...options })
    t.after(() => made.end())
    return made
  }

  /** Each of its connections can be had at once: none is held, none is lost. */
  async function assertWhole(sql: postgres.Sql): Promise<void> {
    const reserved = await Promise.all(Array.from({ length: SIZE }, () => sql.reserve()))
    for (const one of reserved) assert.deepEqual([...(await one`SELECT 1 AS one`)], [{ one: 1 }])
    for (const one of reserved) one.release()
  }

  async function idsOf(...wanted: readonly string[]): Promise<readonly string[]> {
    return (await server.ids()).filter((id) => wanted.includes(id))
  }

  async function end(session: OpenSession): Promise<void> {
    await session.rollback()
    await session.close(false)
  }

  type Provider = SessionProvider<postgres.TransactionSql>

  function opened(provider: Provider, count: number): Promise<Session[]> {
    return Promise.all(Array.from({ length: count }, async () => provider.open()))
  }

  async function pidOf({ handle }: Session): Promise<number> {
    const [row] = await handle<{ pid: number }[]>`SELECT pg_backend_pid() pid`
    return row!.pid
  }

  test('a commit keeps what was done, a rollback does not, and the pool is full again', async (t) => {
    const sql = pool(t)
    const provider = postgresJsSession(sql)
    assert.equal(provider.size, SIZE)
    const kept = await provider.open()
    await kept.handle`INSERT INTO effect VALUES (${'pj-kept'})`
    assert.deepEqual(await idsOf('pj-kept'), [])
    await kept.commit()
    await kept.close(false)
    const dropped = await provider.open()
    await dropped.handle`INSERT INTO effect ${dropped.handle({ id: 'pj-dropped' })}`
    await end(dropped)
    assert.deepEqual(await idsOf('pj-kept', 'pj-dropped'), ['pj-kept'])
    await assertWhole(sql)
  })

  for (const level of ['read committed', 'repeatable read', 'serializable'] as const) {
    test(`its isolation level can be ${level}`, async (t) => {
      const session = await postgresJsSession(pool(t), { isolation: level }).open()
      assert.deepEqual([...(await session.handle`SHOW transaction_isolation`)], [{ transaction_isolation: level }])
      await end(session)
    })
  }

  test('without a transaction a session is sql itself, and holds no connection', async (t) => {
    const sql = pool(t)
    const provider = postgresJsSession(sql, { transaction: false })
    assert.deepEqual([provider.transaction, provider.size], [false, undefined])
    const session = await provider.open()
    await session.handle.begin((tx) => tx`INSERT INTO effect VALUES ('pj-at-once')`)
    assert.deepEqual(await idsOf('pj-at-once'), ['pj-at-once'])
    await assertWhole(sql)
    const query = session.handle`SELECT 1`
    assert.equal(session.running!(), 0)
    void query.execute()
    assert.equal(session.running!(), 1)
    await query
    assert.equal(session.running!(), 0)
    await session.close(false)
  })

  test('a statement is part of the transaction, with any value', async (t) => {
    const session = await postgresJsSession(pool(t)).open()
    const sql = session.sql!
    const values = ["it's", 1, 2n ** 60n, null]
    const [row] = await sql.query('SELECT $1::text a, $2::int b, $3::bigint::text c, $4::text d', values)
    assert.deepEqual({ ...row }, { a: "it's", b: 1, c: String(2n ** 60n), d: null })
    await sql.query('INSERT INTO effect VALUES ($1)', ['pj-statement'])
    assert.equal((await session.handle`SELECT 1 FROM effect WHERE id = 'pj-statement'`).length, 1)
    await end(session)
    assert.deepEqual(await idsOf('pj-statement'), [])
  })

  for (const [name, transform] of Object.entries({
    camel: postgres.camel,
    pascal: postgres.pascal,
    kebab: postgres.kebab,
  })) {
    test(`a statement has the names of its columns where they are renamed (${name})`, async (t) => {
      const session = await postgresJsSession(pool(t, { transform })).open()
      const [row] = await session.sql!.query('SELECT 1 AS one, 2 AS two_words, 3 AS a_b_c', [])
      assert.deepEqual(row, { one: 1, two_words: 2, a_b_c: 3 })
      await end(session)
    })
  }

  describe('a last statement with the commit', () => {
    test('is committed with what was done', async (t) => {
      const session = await postgresJsSession(pool(t)).open()
      await session.handle`INSERT INTO effect VALUES ('pj-with')`
      await session.commitWith!('INSERT INTO effect VALUES ($1)', ['pj-last'])
      await session.close(false)
      assert.deepEqual(await idsOf('pj-with', 'pj-last'), ['pj-last', 'pj-with'])
    })

    test('commits nothing when it fails', async (t) => {
      const sql = pool(t)
      await server.query("INSERT INTO effect VALUES ('pj-conflict')")
      const provider = postgresJsSession(sql)
      // The second time its statement is known to the connection, so that the COMMIT follows at once.
      for (let round = 0; round < 2 * SIZE; round++) {
        const session = await provider.open()
        await session.handle`INSERT INTO effect VALUES ('pj-beside-conflict')`
        await assert.rejects(session.commitWith!('INSERT INTO effect VALUES ($1)', ['pj-conflict']), { code: '23505' })
        await end(session)
      }
      assert.deepEqual(await idsOf('pj-beside-conflict'), [])
      await assertWhole(sql)
    })

    test('rejects with what is checked at the commit', async (t) => {
      const session = await postgresJsSession(pool(t)).open()
      await assert.rejects(session.commitWith!('INSERT INTO child VALUES ($1)', ['pj-orphan']), { code: '23503' })
      await end(session)
    })
  })

  test('a query that failed and was caught is not committed over', async (t) => {
    const sql = pool(t)
    const session = await postgresJsSession(sql).open()
    await session.handle`INSERT INTO effect VALUES ('pj-before-failure')`
    await assert.rejects(async () => session.handle`SELECT nothing_like_that`, { code: '42703' })
    await assert.rejects(async () => session.commit(), { code: '42703' })
    await end(session)
    assert.deepEqual(await idsOf('pj-before-failure'), [])
    await assertWhole(sql)
  })

  test('nested transactions are part of it', async (t) => {
    const session = await postgresJsSession(pool(t)).open()
    const db = session.handle
    const [kept] = await db.savepoint((tx) => [tx`INSERT INTO effect VALUES ('pj-nested') RETURNING id`])
    assert.deepEqual([...kept], [{ id: 'pj-nested' }])
    const failing = db.savepoint('named', async (tx) => {
      await tx`INSERT INTO effect VALUES ('pj-nested-dropped')`
      throw new Error('not this one')
    })
    assert.equal(session.running!(), 1)
    await assert.rejects(failing, /not this one/)
    assert.equal(session.running!(), 0)
    await session.commit()
    await session.close(false)
    assert.deepEqual(await idsOf('pj-nested', 'pj-nested-dropped'), ['pj-nested'])
  })

  describe('a connection that is lost', () => {
    // Left to itself the library writes to the lost connection, which ends the process: the test would not pass but die.
    for (const how of ['commit', 'rollback', 'close', 'commitWith'] as const) {
      test(`is not written to by ${how}, and the pool is whole`, async (t) => {
        const sql = pool(t)
        const session = await postgresJsSession(sql).open()
        await session.handle`INSERT INTO effect VALUES ('pj-lost')`
        await sever(session)
        if (how === 'close') await session.close(true)
        else if (how === 'rollback') await session.rollback()
        else if (how === 'commitWith') await assert.rejects(async () => session.commitWith!('SELECT $1::int', [1]))
        else await assert.rejects(async () => session[how]())
        await session.close(true)
        await assertWhole(sql)
        assert.deepEqual(await idsOf('pj-lost'), [])
      })
    }

    test('during a query: the next one is refused, and so is the commit', async (t) => {
      const sql = pool(t)
      const provider = postgresJsSession(sql)
      const [first, second] = [await provider.open(), await provider.open()]
      await first.handle`INSERT INTO effect VALUES ('pj-lost-during')`
      const pid = await pidOf(second)
      const use = async (): Promise<unknown> => {
        const db = second.handle
        await db`INSERT INTO effect VALUES ('pj-lost-during')`.catch((error: unknown) => assertLoss(error))
        return db`SELECT 1`
      }
      const used = assert.rejects(use(), assertLoss)
      await server.waiting(1)
      await server.terminate(pid)
      await used
      await assert.rejects(async () => second.commit(), assertLoss)
      await second.close(true)
      await end(first)
      // The library throws the old error once more: opening a session overcomes that.
      const again = await opened(provider, SIZE)
      await Promise.all(again.map(end))
      await assertWhole(sql)
    })

    test('in a nested transaction', async (t) => {
      const sql = pool(t)
      const session = await postgresJsSession(sql).open()
      const nested = session.handle.savepoint(async (tx) => {
        await sever(session)
        await tx`SELECT 1`
      })
      await assert.rejects(nested, assertLoss)
      await assert.rejects(async () => session.commit(), assertLoss)
      await session.close(true)
      await assertWhole(sql)
    })

    function assertLoss(error: unknown): true {
      assert.match((error as { code: string }).code, /^(CONNECTION_CLOSED|57P01)$/)
      return true
    }

    /** Resolves when the session knows of it. */
    async function sever(session: Session): Promise<void> {
      await server.terminate(await pidOf(session))
      const isRefused = (): boolean => {
        try {
          void session.handle`SELECT 1`
          return false
        } catch {
          return true
        }
      }
      while (!isRefused()) await new Promise((resolve) => setImmediate(resolve))
    }
  })

  test('a connection that was lost while nobody used it is replaced', async (t) => {
    const sql = pool(t)
    const provider = postgresJsSession(sql)
    const sessions = await opened(provider, SIZE)
    const pids = await Promise.all(sessions.map(pidOf))
    await Promise.all(sessions.map(end))
    await Promise.all(pids.map((pid) => server.terminate(pid)))
    const again = await opened(provider, SIZE)
    await Promise.all(again.map(end))
    await assertWhole(sql)
  })

  test('a server that is not there is no session', async () => {
    const sql = postgres('postgres://postgres@127.0.0.1:1/none', { max: 1 })
    await assert.rejects(async () => postgresJsSession(sql).open(), { code: 'ECONNREFUSED' })
  })

  test('a query that nobody awaits is counted, until it is answered', async (t) => {
    const sql = pool(t)
    const provider = postgresJsSession(sql)
    const [first, second] = [await provider.open(), await provider.open()]
    await first.handle`INSERT INTO effect VALUES ('pj-slow')`
    const slow = second.handle`INSERT INTO effect VALUES ${second.handle([['pj-slow']] as never)}`
    const unused = second.handle`SELECT 1`
    assert.equal(second.running!(), 0, 'a query is begun when its answer is wanted')
    void slow.execute()
    assert.deepEqual([first.running!(), second.running!()], [0, 1])
    await end(first)
    await slow
    assert.equal(second.running!(), 0)
    await unused
    await end(second)
    await assertWhole(sql)
  })

  test('a cursor is counted until it is read to its end', async (t) => {
    const session = await postgresJsSession(pool(t)).open()
    const seen: unknown[] = []
    for await (const rows of session.handle`SELECT * FROM generate_series(1, 3) n`.cursor(2)) {
      seen.push(...rows.map(({ n }) => n as number))
    }
    assert.deepEqual(seen, [1, 2, 3])
    assert.equal(session.running!(), 0)
    await end(session)
  })

  test('a query that does not end is cancelled when the session is given up', async (t) => {
    const sql = pool(t)
    const provider = postgresJsSession(sql)
    const [first, second] = [await provider.open(), await provider.open()]
    await first.handle`INSERT INTO effect VALUES ('pj-stuck')`
    const stuck = assert.rejects(async () => second.handle`INSERT INTO effect VALUES ('pj-stuck')`, { code: '57014' })
    await server.waiting(1)
    const rollingBack = second.rollback()
    await second.close(true)
    await stuck
    await rollingBack
    await end(first)
    await assertWhole(sql)
  })

  test('the timers of the library end no session', async (t) => {
    const sql = postgres(server.url, { max: 1, idle_timeout: 0.02, max_lifetime: 0.05 })
    // The library waits forever for a connection that ends at this moment by itself.
    t.after(() => sql.end({ timeout: 0 }))
    const session = await postgresJsSession(sql).open()
    await server.query('SELECT pg_sleep(0.2)')
    await session.handle`INSERT INTO effect VALUES ('pj-long')`
    await session.commit()
    await session.close(false)
    assert.deepEqual(await idsOf('pj-long'), ['pj-long'])
  })

  test('the guard lets through what a transaction can do, and nothing after the end', async (t) => {
    const sql = pool(t)
    const session = await postgresJsSession(sql).open()
    const use: { refusal?: Error } = {}
    const db = guarded(session.handle, () => use.refusal)
    const [row] = await db<{ a: number; b: { c: number } }[]>`SELECT ${1}::int a, ${db.json({ c: 2 })}::jsonb b`
    assert.deepEqual({ ...row }, { a: 1, b: { c: 2 } })
    assert.deepEqual([...(await db.unsafe('SELECT $1 x', ['y']))], [{ x: 'y' }])
    await db.savepoint((tx) => tx`SELECT ${tx(['id'])} FROM effect`)
    assert.equal(postgresJsSession(sql).sqlOf!(db)?.dialect, 'postgres')
    use.refusal = new Error('over')
    assert.throws(() => void db`SELECT 1`, use.refusal)
    assert.throws(() => void db.unsafe('SELECT 1'), use.refusal)
    await end(session)
  })

  test('a transaction of the application is recognized, and what is none is not', async (t) => {
    const sql = pool(t)
    const provider = postgresJsSession(sql)
    await assert.rejects(
      sql.begin(async (tx) => {
        await provider.sqlOf!(tx)!.query('INSERT INTO effect VALUES ($1)', ['pj-own'])
        throw new Error('back')
      }),
      /back/,
    )
    assert.deepEqual(await idsOf('pj-own'), [])
    for (const none of [sql, undefined, null, {}, () => {}]) assert.equal(provider.sqlOf!(none), undefined)
  })

  test('what is no sql of postgres() is refused', async (t) => {
    const sql = pool(t)
    const wrong = (given: unknown, got: RegExp): void =>
      assert.throws(
        () => postgresJsSession(given as postgres.Sql),
        (error) => {
          assert.ok(isAfterwordError(error, 'SESSION_WRONG_OBJECT'))
          assert.match(error.message, got)
          return true
        },
      )
    wrong({ max: 3 }, /postgresJsSession takes the sql that postgres\(\) gives, got an object/)
    wrong(postgres, /got a function/)
    await sql.begin((tx) => wrong(tx, /got a function/))
  })
})
