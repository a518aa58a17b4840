/**
 * Goal: sessions of Drizzle on each of its drivers, on real servers: how they end, what the pool has afterwards, and what bad use
 * gets. The pools and clients below it are tried in the tests of their own.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import Sqlite from 'better-sqlite3'
import { eq, sql } from 'drizzle-orm'
import { drizzle as drizzleOnSqlite } from 'drizzle-orm/better-sqlite3'
import { int as mysqlInt, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle as drizzleOnMysql2 } from 'drizzle-orm/mysql2'
import { drizzle as drizzleOnPg } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as drizzleOnPostgresJs } from 'drizzle-orm/postgres-js'
import { sqliteTable, text as sqliteText } from 'drizzle-orm/sqlite-core'
import mysqlCallback from 'mysql2'
import mysql from 'mysql2/promise'
import pg from 'pg'
import postgres from 'postgres'
import { isAfterwordError } from '../../src/model/errors.ts'
import type { OpenSession } from '../../src/model/session.ts'
import { betterSqlite3Session } from '../../src/sessions/better-sqlite3.ts'
import { type DrizzleDatabase, drizzleSession } from '../../src/sessions/drizzle.ts'
import { guarded } from '../../src/sessions/guard.ts'
import { mariadbDatabase, skipMariadb, skipPostgres } from '../support/databases.ts'
import { postgresServer } from './server.ts'

const SIZE = 3
const pgEffects = pgTable('effect', { id: text().primaryKey(), n: integer() })
const mysqlEffects = mysqlTable('effect', { id: varchar({ length: 200 }).primaryKey(), n: mysqlInt() })

/** What the cases need of a driver. The handle is that of node-postgres, whose words all the drivers share. */
interface Driver {
  readonly db: Handle
  readonly effects: typeof pgEffects
  /** How many connections are out of the pool, or lost to it. */
  taken(): Promise<number>
  ids(): Promise<readonly string[]>
  pid(handle: Pick<Handle, 'execute'>): Promise<number>
  terminate(pid: number): Promise<void>
  /** Resolves when a query waits for a lock. */
  waiting(): Promise<void>
  end(): Promise<unknown>
}

type Handle = ReturnType<typeof drizzleOnPg<{ effects: typeof pgEffects }>>

const rowOf = (result: unknown): Record<string, unknown> => {
  const { rows = result } = result as { rows?: unknown }
  const [first] = rows as [Record<string, unknown> | [Record<string, unknown>]]
  return Array.isArray(first) ? first[0] : first
}

async function onPg(): Promise<Driver> {
  const server = await postgresServer()
  await server.query('ALTER TABLE effect ADD n integer')
  const pool = new pg.Pool({ connectionString: server.url, max: SIZE })
  pool.on('error', () => undefined)
  return {
    ...common(server),
    db: drizzleOnPg(pool, { schema: { effects: pgEffects } }),
    taken: () => Promise.resolve(pool.totalCount - pool.idleCount),
    async end() {
      await pool.end()
      await server.end()
    },
  }
}

async function onPostgresJs(): Promise<Driver> {
  const server = await postgresServer()
  await server.query('ALTER TABLE effect ADD n integer')
  const client = postgres(server.url, { max: SIZE, onnotice() {} })
  return {
    ...common(server),
    db: drizzleOnPostgresJs(client, { schema: { effects: pgEffects } }) as unknown as Handle,
    async taken() {
      // It does not tell: all of them can be had.
      const reserved = await Promise.all(Array.from({ length: SIZE }, () => client.reserve()))
      for (const one of reserved) one.release()
      return 0
    },
    async end() {
      await client.end({ timeout: 5 })
      await server.end()
    },
  }
}

function common(server: Awaited<ReturnType<typeof postgresServer>>) {
  return {
    effects: pgEffects,
    ids: () => server.ids(),
    pid: async (handle: Pick<Handle, 'execute'>) =>
      Number(rowOf(await handle.execute(sql`SELECT pg_backend_pid() AS pid`))['pid']),
    terminate: (pid: number) => server.terminate(pid),
    waiting: () => server.waiting(1),
  }
}

async function onMysql2(): Promise<Driver> {
  const database = await mariadbDatabase()
  const admin = mysql.createPool({ uri: database.url, connectionLimit: 2 })
  await admin.query('CREATE TABLE effect (id varchar(200) PRIMARY KEY, n int)')
  const pool = mysqlCallback.createPool({ uri: database.url, connectionLimit: SIZE })
  const rows = async (text: string): Promise<mysql.RowDataPacket[]> =>
    (await admin.query<mysql.RowDataPacket[]>(text))[0]
  return {
    db: drizzleOnMysql2(pool, { schema: { effects: mysqlEffects }, mode: 'default' }) as unknown as Handle,
    effects: mysqlEffects as unknown as typeof pgEffects,
    async taken() {
      // It does not tell: all of them can be had.
      const connections = await Promise.all(Array.from({ length: SIZE }, () => pool.promise().getConnection()))
      for (const one of connections) one.release()
      return 0
    },
    ids: async () => (await rows('SELECT id FROM effect ORDER BY id')).map((row) => String(row['id'])),
    pid: async (handle) => Number(rowOf(await handle.execute(sql`SELECT connection_id() AS pid`))['pid']),
    async terminate(pid) {
      await admin.query('KILL ?', [pid])
    },
    async waiting() {
      while ((await rows("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")).length === 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async end() {
      await pool.promise().end()
      await admin.end()
      await database.drop()
    },
  }
}

for (const [name, open, skip] of [
  ['node-postgres', onPg, skipPostgres],
  ['postgres-js', onPostgresJs, skipPostgres],
  ['mysql2', onMysql2, skipMariadb],
] as const) {
  describe(`sessions of Drizzle on ${name}`, { skip }, () => {
    let driver: Driver
    before(async () => {
      driver = await open()
    })
    after(() => driver.end())

    const opened = (options: { isolation?: 'serializable' } = {}) => drizzleSession(driver.db, options).open()

    async function end(session: OpenSession): Promise<void> {
      await session.rollback()
      await session.close(false)
    }

    async function idsOf(...wanted: readonly string[]): Promise<readonly string[]> {
      return (await driver.ids()).filter((id) => wanted.includes(id))
    }

    test('a commit keeps what was done, a rollback does not, and the pool is full again', async () => {
      assert.equal(drizzleSession(driver.db).size, SIZE)
      const kept = await opened()
      await kept.handle.insert(driver.effects).values({ id: 'kept' })
      assert.deepEqual(await idsOf('kept'), [])
      await kept.commit()
      await kept.close(false)
      const dropped = await opened()
      await dropped.handle.insert(driver.effects).values({ id: 'dropped' })
      await end(dropped)
      assert.deepEqual(await idsOf('kept', 'dropped'), ['kept'])
      assert.equal(await driver.taken(), 0)
    })

    test('the handle knows the schema', async () => {
      const session = await opened()
      await session.handle.insert(driver.effects).values({ id: 'schema', n: 1 })
      const found = await session.handle.query.effects.findFirst({ where: eq(driver.effects.id, 'schema') })
      assert.deepEqual(found, { id: 'schema', n: 1 })
      await end(session)
    })

    test('its isolation level can be chosen', async () => {
      const [first, second] = [await opened({ isolation: 'serializable' }), await opened({ isolation: 'serializable' })]
      const count = (session: typeof first) => session.handle.$count(driver.effects, eq(driver.effects.n, 99))
      assert.deepEqual([await count(first), await count(second)], [0, 0])
      const both = [first, second].map(async (session, index) => {
        await session.handle.insert(driver.effects).values({ id: `serial-${index}`, n: 99 })
        await session.commit()
      })
      const ends = await Promise.allSettled(both)
      // Each has read what the other writes: only one of them can have come first.
      assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
      await Promise.all([first, second].map(end))
      assert.equal((await idsOf('serial-0', 'serial-1')).length, 1)
      assert.equal(await driver.taken(), 0)
    })

    test('without a transaction a session is the database itself', async () => {
      const provider = drizzleSession(driver.db, { transaction: false })
      assert.deepEqual([provider.transaction, provider.size], [false, undefined])
      const session = await provider.open()
      assert.equal(session.handle, driver.db)
      assert.equal(session.sql, undefined)
      await session.close(false)
    })

    test('nested transactions are part of it', async () => {
      const session = await opened()
      const { handle } = session
      await handle.transaction((tx) => tx.insert(driver.effects).values({ id: 'nested' }))
      await assert.rejects(
        handle.transaction(async (tx) => {
          await tx.insert(driver.effects).values({ id: 'nested-dropped' })
          throw new Error('not this one')
        }),
        /not this one/,
      )
      assert.equal(session.running!(), 0)
      await session.commit()
      await session.close(false)
      assert.deepEqual(await idsOf('nested', 'nested-dropped'), ['nested'])
    })

    test('a statement is part of the transaction, with any value', async () => {
      const session = await opened()
      const statements = session.sql!
      const [one, two] = statements.dialect === 'mysql' ? ['?', '?'] : ['$1', '$2']
      assert.deepEqual(await statements.query(`INSERT INTO effect (id, n) VALUES (${one}, ${two})`, ["it's", null]), [])
      const rows = await statements.query(`SELECT id, n FROM effect WHERE id = ${one}`, ["it's"])
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        [{ id: "it's", n: null }],
      )
      assert.equal((await session.handle.select().from(driver.effects).where(eq(driver.effects.id, "it's"))).length, 1)
      await end(session)
      assert.deepEqual(await idsOf("it's"), [])
    })

    test('a query that nobody awaits is counted, until it is answered', async () => {
      const [first, second] = [await opened(), await opened()]
      await first.handle.insert(driver.effects).values({ id: 'slow' })
      const slow = second.handle.insert(driver.effects).values({ id: 'slow' }).execute()
      await driver.waiting()
      assert.deepEqual([first.running!(), second.running!()], [0, 1])
      await end(first)
      await slow
      assert.equal(second.running!(), 0)
      await end(second)
      assert.equal(await driver.taken(), 0)
    })

    test('a session that does not answer is given up', async () => {
      const [first, second] = [await opened(), await opened()]
      await first.handle.insert(driver.effects).values({ id: 'stuck' })
      const stuck = assert.rejects(second.handle.insert(driver.effects).values({ id: 'stuck' }).execute())
      await driver.waiting()
      await second.close(true)
      await stuck
      await end(first)
      assert.equal(await driver.taken(), 0)
    })

    for (const how of ['commit', 'close'] as const) {
      test(`a connection that is lost is not returned to the pool by ${how}`, async () => {
        const session = await opened()
        await session.handle.insert(driver.effects).values({ id: 'lost' })
        await driver.terminate(await driver.pid(session.handle))
        if (how === 'commit') await assert.rejects(async () => session.commit())
        await session.close(how === 'close')
        assert.deepEqual(await idsOf('lost'), [])
        await Promise.all(Array.from({ length: SIZE }, async () => end(await opened())))
        assert.equal(await driver.taken(), 0)
      })
    }

    test('what the driver says of a commit is thrown as it is', { skip: name === 'mysql2' }, async () => {
      const session = await opened()
      await session.handle.execute(sql`INSERT INTO child VALUES ('orphan')`)
      await assert.rejects(async () => session.commit(), { code: '23503' })
      await end(session)
      assert.equal(await driver.taken(), 0)
    })

    test('the guard lets through what a transaction can do, and nothing after the end', async () => {
      const session = await opened()
      const use: { refusal?: Error } = {}
      const db = guarded(session.handle, () => use.refusal)
      await db.insert(driver.effects).values({ id: 'guarded' })
      const builder = db.select({ id: driver.effects.id }).from(driver.effects)
      assert.deepEqual(await builder.where(eq(driver.effects.id, 'guarded')), [{ id: 'guarded' }])
      assert.equal(
        (await db.query.effects.findMany()).some(({ id }) => id === 'guarded'),
        true,
      )
      await db.transaction(async (tx) => tx.delete(driver.effects).where(eq(driver.effects.id, 'guarded')))
      assert.equal(drizzleSession(driver.db).sqlOf!(db)?.dialect, session.sql!.dialect)
      use.refusal = new Error('over')
      assert.throws(() => db.select(), use.refusal)
      assert.throws(() => db.query, use.refusal)
      await end(session)
    })

    test('a transaction of the application is recognized, and what is none is not', async () => {
      const provider = drizzleSession(driver.db)
      await assert.rejects(
        driver.db.transaction(async (tx) => {
          await provider.sqlOf!(tx)!.query("INSERT INTO effect (id) VALUES ('own')", [])
          throw new Error('back')
        }),
        /back/,
      )
      assert.deepEqual(await idsOf('own'), [])
      for (const none of [driver.db, driver.db.$client, undefined, {}]) assert.equal(provider.sqlOf!(none), undefined)
    })
  })
}

describe('Drizzle and transactions that are over', () => {
  const over = (why: RegExp) => (error: unknown) => {
    assert.ok(isAfterwordError(error, 'SESSION_TRANSACTION_OVER'), String((error as Error).stack))
    assert.match(error.message, why)
    return true
  }

  for (const [name, open] of [
    ['node-postgres', onPg],
    ['postgres-js', onPostgresJs],
  ] as const) {
    test(`a query that failed and was caught is not committed over (${name})`, { skip: skipPostgres }, async (t) => {
      const driver = await open()
      t.after(() => driver.end())
      const session = await drizzleSession(driver.db).open()
      await session.handle.insert(driver.effects).values({ id: 'before-failure' })
      await assert.rejects(session.handle.execute(sql`SELECT nothing_like_that`))
      await assert.rejects(async () => session.sql!.query('SELECT 1', []), over(/a query in it had failed/))
      await assert.rejects(
        async () => session.commit(),
        name === 'node-postgres' ? over(/had failed/) : /Failed query|nothing_like_that/,
      )
      await session.rollback()
      await session.close(false)
      assert.deepEqual(await driver.ids(), [])
      assert.equal(await driver.taken(), 0)
    })
  }

  describe('on mysql2', { skip: skipMariadb }, () => {
    test('a statement that commits on the way, as the making of a table', async (t) => {
      const driver = await onMysql2()
      t.after(() => driver.end())
      const session = await drizzleSession(driver.db).open()
      await session.handle.execute(sql`CREATE TABLE another (id int)`)
      await assert.rejects(async () => session.commit(), over(/a statement had ended it/))
      await assert.rejects(async () => session.sql!.query('SELECT 1', []), over(/a statement had ended it/))
      await session.rollback()
      await session.close(false)
    })

    test('a table that Afterword makes is none of that', async (t) => {
      const driver = await onMysql2()
      t.after(() => driver.end())
      const session = await drizzleSession(driver.db).open()
      await session.sql!.query('CREATE TABLE ours (id int)', [])
      await session.sql!.query('INSERT INTO ours VALUES (?)', [1])
      await session.commit()
      await session.close(false)
    })

    test('a deadlock', async (t) => {
      const driver = await onMysql2()
      t.after(() => driver.end())
      await driver.db.insert(driver.effects).values([{ id: 'a' }, { id: 'b' }])
      const [first, second] = [await drizzleSession(driver.db).open(), await drizzleSession(driver.db).open()]
      const set = ({ handle }: typeof first, id: string) =>
        handle.update(driver.effects).set({ n: 1 }).where(eq(driver.effects.id, id)).execute()
      await set(first, 'a')
      await set(second, 'b')
      const waiting = set(first, 'b').then(
        () => first,
        () => second,
      )
      const [survivor] = await Promise.all([
        waiting,
        set(second, 'a').then(
          () => undefined,
          () => undefined,
        ),
      ])
      const victim = survivor === first ? second : first
      await assert.rejects(async () => victim.commit(), over(/rolled it back after a deadlock/))
      await victim.rollback()
      await victim.close(false)
      await survivor.commit()
      await survivor.close(false)
    })
  })
})

describe('sessions of Drizzle on better-sqlite3', () => {
  const effects = sqliteTable('effect', { id: sqliteText().primaryKey() })

  function database(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'afterword-drizzle-'))
    const file = join(folder, 'application.db')
    const [client, observer] = [new Sqlite(file), new Sqlite(file)]
    client.exec('PRAGMA journal_mode = wal; CREATE TABLE effect (id text PRIMARY KEY)')
    t.after(() => {
      client.close()
      observer.close()
      rmSync(folder, { recursive: true })
    })
    const ids = (): unknown[] => observer.prepare('SELECT id FROM effect ORDER BY id').pluck().all()
    return { db: drizzleOnSqlite(client, { schema: { effects } }), client, ids, file, observer }
  }

  test('the session is the database, while a transaction is open on it', async (t) => {
    const { db, client, ids, file } = database(t)
    const provider = drizzleSession(db)
    const { size, single, sqlite } = provider
    assert.deepEqual([size, single, sqlite, provider.file], [1, true, 'other', file])
    const kept = await provider.open()
    assert.equal(kept.handle, db)
    kept.handle.insert(effects).values({ id: 'kept' }).run()
    assert.deepEqual(kept.handle.query.effects.findMany().sync(), [{ id: 'kept' }])
    assert.deepEqual([client.inTransaction, ids()], [true, []])
    await kept.commit()
    await kept.close(false)
    const dropped = await provider.open()
    await dropped.handle.insert(effects).values({ id: 'dropped' })
    await dropped.rollback()
    await dropped.close(false)
    assert.deepEqual([client.inTransaction, ids()], [false, ['kept']])
  })

  test('nested transactions are part of it', async (t) => {
    const { db, ids } = database(t)
    const session = await drizzleSession(db).open()
    const { handle } = session
    handle.transaction((tx) => tx.insert(effects).values({ id: 'nested' }).run())
    const failing = (): void =>
      handle.transaction((tx) => {
        tx.insert(effects).values({ id: 'dropped' }).run()
        throw new Error('not this one')
      })
    assert.throws(failing, /not this one/)
    await session.commit()
    await session.close(false)
    assert.deepEqual(ids(), ['nested'])
  })

  test('sessions have the connection in turn, those of better-sqlite3 itself too', async (t) => {
    const { db, client, ids } = database(t)
    const first = await drizzleSession(db).open()
    const second = Promise.resolve(betterSqlite3Session(client).open())
    first.handle.insert(effects).values({ id: 'first' }).run()
    await first.rollback()
    await first.close(false)
    const session = await second
    session.handle.exec("INSERT INTO effect VALUES ('second')")
    await session.commit()
    await session.close(false)
    assert.deepEqual(ids(), ['second'])
  })

  test('a statement is part of the transaction, and a transaction that is over is not committed', async (t) => {
    const { db, client, ids } = database(t)
    const session = await drizzleSession(db).open()
    assert.deepEqual(await session.sql!.query('INSERT INTO effect VALUES (?)', ["it's"]), [])
    assert.deepEqual(await session.sql!.query('SELECT id FROM effect', []), [{ id: "it's" }])
    assert.deepEqual(ids(), [])
    client.exec('ROLLBACK')
    await assert.rejects(async () => session.commit(), { code: 'SESSION_TRANSACTION_OVER' })
    await assert.rejects(async () => session.sql!.query('SELECT 1', []), { code: 'SESSION_TRANSACTION_OVER' })
    await session.rollback()
    await session.close(false)
  })

  test('without a transaction it is the database', async (t) => {
    const { db, client, ids } = database(t)
    const session = await drizzleSession(db, { transaction: false }).open()
    session.handle.insert(effects).values({ id: 'at once' }).run()
    assert.deepEqual([client.inTransaction, ids()], [false, ['at once']])
    await session.close(false)
  })

  test('a transaction of the application is recognized, and what is none is not', (t) => {
    const { db, ids } = database(t)
    const provider = drizzleSession(db)
    const failing = (): void =>
      db.transaction((tx) => {
        assert.deepEqual(provider.sqlOf!(tx)!.query("INSERT INTO effect VALUES ('own')", []), [])
        throw new Error('back')
      })
    assert.throws(failing, /back/)
    assert.deepEqual(ids(), [])
    assert.equal(provider.sqlOf!(db), undefined)
  })
})

describe('drizzleSession refuses', () => {
  const wrong = (given: unknown, got: RegExp): void =>
    assert.throws(
      () => drizzleSession(given as DrizzleDatabase),
      (error) => {
        assert.ok(isAfterwordError(error, 'SESSION_WRONG_OBJECT'))
        assert.match(error.message, got)
        return true
      },
    )

  test('what is no database of Drizzle', () => {
    wrong(new pg.Pool(), /got an instance of BoundPool/)
    wrong({ transaction() {} }, /got an object/)
    wrong(undefined, /got undefined/)
  })

  test('a database of Drizzle on one connection', () => {
    wrong(drizzleOnPg(new pg.Client()), /got an instance of NodePgDatabase on an instance of Client/)
  })

  test('a transaction of Drizzle', { skip: skipPostgres }, async (t) => {
    const driver = await onPg()
    t.after(() => driver.end())
    await driver.db.transaction(async (tx) =>
      wrong(tx, /got an instance of NodePgTransaction on an instance of Client/),
    )
  })
})
