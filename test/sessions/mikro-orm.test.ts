/** Sessions of MikroORM, on PostgreSQL, MariaDB and SQLite. */
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { EntitySchema, RequestContext } from '@mikro-orm/core'
import { MikroORM as MariaDbOrm } from '@mikro-orm/mariadb'
import { MikroORM as PostgresOrm } from '@mikro-orm/postgresql'
import { type EntityManager, MikroORM as SqliteOrm } from '@mikro-orm/sqlite'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { createBackground } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import { type MikroOrmLike, mikroOrmSession } from '../../src/sessions/mikro-orm.ts'
import { databaseFile, SILENT } from '../support/bench.ts'
import {
  mariadbDatabase,
  postgresDatabase,
  skipMariadb,
  skipPostgres,
  type TestDatabase,
} from '../support/databases.ts'
import { dialectOn } from '../support/mikro-orm-on-node-sqlite.ts'
import { type OrmSite, ormSessionTests } from '../support/orm-sessions.ts'

interface Account {
  id: number
  name: string
}

const AccountSchema = new EntitySchema<Account>({
  name: 'Account',
  tableName: 'account',
  properties: {
    id: { type: 'number', primary: true, autoincrement: true },
    name: { type: 'string', length: 100, unique: true },
  },
})

const ENTITIES = { entities: [AccountSchema], pool: { max: 2 } }

/** As much of the three kinds of ORM as the tests use. */
type Orm = { readonly em: EntityManager } & MikroOrmLike

function siteOf(
  dialect: OrmSite<EntityManager>['dialect'],
  orm: Orm,
  outside: OrmSite<EntityManager>['outside'],
): OrmSite<EntityManager> {
  return {
    dialect,
    outside,
    provider: (options) => mikroOrmSession(orm, options),
    async insert(em, name) {
      em.create(AccountSchema, { name })
      await em.flush()
    },
    raw: (em, sql) => em.execute(sql),
    part(em) {
      const accounts = em.getRepository(AccountSchema)
      return { use: () => accounts.findAll(), used: '.getRepository().findAll' }
    },
    ownTransaction: (body) =>
      assert.rejects(
        orm.em.fork().transactional(async (em) => {
          await body(em)
          throw new Error('roll back')
        }),
        /^Error: roll back$/,
      ),
    async names() {
      const rows = (await outside('SELECT name FROM account ORDER BY id')) as Account[]
      return rows.map(({ name }) => name)
    },
  }
}

describe('sessions of MikroORM on PostgreSQL', { skip: skipPostgres }, () => {
  let database: TestDatabase
  let pool: pg.Pool
  let site: OrmSite<EntityManager>
  let orm: PostgresOrm

  before(async () => {
    database = await postgresDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    // It is not closed yet when `end` resolves, and the server may end it first.
    pool.on('error', () => undefined)
    orm = await PostgresOrm.init({ clientUrl: database.url, ...ENTITIES })
    await orm.schema.create()
    site = {
      url: database.url,
      ...siteOf('postgres', orm as unknown as Orm, async (sql) => (await pool.query(sql)).rows),
    }
  })
  after(async () => {
    await orm.close()
    await pool.end()
    await database.drop()
  })

  ormSessionTests('postgres', () => site)

  it('flushes with its commit, and reports what the database says of it', async () => {
    const session = await mikroOrmSession(orm).open()
    session.handle.create(AccountSchema, { name: 'Ada' })
    await session.commit()
    await session.close(false)
    assert.deepEqual(await site.names(), ['Ada'])
    const second = await mikroOrmSession(orm).open()
    second.handle.create(AccountSchema, { name: 'Ada' })
    await assert.rejects(async () => second.commit(), { code: '23505' })
    await second.rollback()
    await second.close(false)
  })

  it('gives its connection back when a subscriber throws after the beginning', async () => {
    let isToday = false
    orm.em.getEventManager().registerSubscriber({
      async afterTransactionStart() {
        if (!isToday) throw new Error('not today')
      },
    })
    for (let round = 0; round < 3; round++) await assert.rejects(async () => site.provider().open(), /not today/)
    isToday = true
    const session = await site.provider().open()
    await site.insert(session.handle, 'Ada')
    await session.rollback()
    await session.close(false)
    const [row] = (await site.outside(
      `SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
    )) as { open: number }[]
    assert.equal(row!.open, 0)
  })

  it('does not commit what somebody has committed already', async () => {
    const session = await site.provider().open()
    await session.handle.commit()
    await assert.rejects(async () => session.commit(), { code: 'SESSION_TRANSACTION_OVER' })
    await assert.rejects(async () => session.sql!.query('DELETE FROM account', []), {
      code: 'SESSION_TRANSACTION_OVER',
    })
    await session.rollback()
    await session.close(false)
  })

  it('knows nothing of the EntityManager of a request', async () => {
    await RequestContext.create(orm.em, async () => {
      orm.em.setFilterParams('of the request', { tenant: 1 })
      const session = await mikroOrmSession(orm).open()
      assert.deepEqual(session.handle.getFilterParams('of the request'), undefined)
      await session.rollback()
      await session.close(false)
    })
  })

  it('leaves no way to the database to its entities', async () => {
    const session = await mikroOrmSession(orm).open()
    const em = session.handle.fork({ keepTransactionContext: true })
    await session.rollback()
    await session.close(false)
    await assert.rejects(em.find(AccountSchema, {}), /Transaction is already rolled back/)
  })
})

describe('sessions of MikroORM on MariaDB', { skip: skipMariadb }, () => {
  let database: TestDatabase
  let pool: mysql.Pool
  let site: OrmSite<EntityManager>
  let orm: MariaDbOrm

  before(async () => {
    database = await mariadbDatabase()
    pool = mysql.createPool(database.url)
    orm = await MariaDbOrm.init({ clientUrl: database.url, ...ENTITIES })
    await orm.schema.create()
    site = { url: database.url, ...siteOf('mysql', orm as unknown as Orm, async (sql) => (await pool.query(sql))[0]) }
  })
  after(async () => {
    await orm.close()
    await pool.end()
    await database.drop()
  })

  ormSessionTests('mysql', () => site)
})

describe('sessions of MikroORM on SQLite', () => {
  let site: OrmSite<EntityManager>
  let orm: SqliteOrm

  before(async () => {
    orm = await SqliteOrm.init({ dbName: ':memory:', entities: [AccountSchema] })
    await orm.schema.create()
    site = siteOf('sqlite', orm as Orm, (sql) => orm.em.fork().execute(sql))
  })
  after(() => orm.close())

  ormSessionTests('sqlite', () => site)
})

describe('sessions of MikroORM on node:sqlite', () => {
  let database: DatabaseSync
  let orm: SqliteOrm
  let site: OrmSite<EntityManager>

  before(async () => {
    database = new DatabaseSync(':memory:')
    orm = await SqliteOrm.init({ driverOptions: dialectOn(database), dbName: ':memory:', entities: [AccountSchema] })
    await orm.schema.create()
    site = {
      ...siteOf('sqlite', orm as Orm, (sql) => Promise.resolve(database.prepare(sql).all())),
      provider: (options) => mikroOrmSession(orm as Orm, { ...options, database }),
    }
  })
  after(() => orm.close())

  ormSessionTests('sqlite', () => site)

  it('ends attempts in its own transaction when the store is in its file', async (t) => {
    const file = databaseFile(t)
    const own = new DatabaseSync(file)
    const orm = await SqliteOrm.init({ driverOptions: dialectOn(own), dbName: file, entities: [AccountSchema] })
    t.after(() => orm.close())
    const sessions = { db: mikroOrmSession(orm, { database: own }) }
    const charge = defineTask({
      name: 'charge',
      sessions,
      run: async (name: string, context): Promise<string> => {
        const db = await context.session.db
        return db.create(AccountSchema, { name }).name
      },
    })
    await using background = createBackground({ store: `sqlite:${file}`, logger: SILENT, sessions, tasks: [charge] })
    await background.start()
    await orm.schema.create()
    assert.equal(await background.result(await background.add(charge, 'Ada')), 'Ada')
    assert.deepEqual({ ...own.prepare('SELECT name FROM account').get() }, { name: 'Ada' })
    assert.throws(() => own.prepare('SELECT * FROM afterword_outcome'), /no such table/)
  })
})

describe('mikroOrmSession', () => {
  it('refuses what is no MikroORM', async () => {
    const orm = await SqliteOrm.init({ dbName: ':memory:', entities: [AccountSchema] })
    for (const given of [{}, undefined, orm.em]) {
      assert.throws(() => mikroOrmSession(given as never), { code: 'SESSION_WRONG_OBJECT' })
    }
    assert.throws(() => mikroOrmSession(orm, { database: {} as DatabaseSync }), { code: 'OPTION_INVALID' })
    await orm.close()
  })

  it('knows the file, and the size of the pool', async () => {
    const sqlite = new SqliteOrm({ dbName: 'accounts.db', entities: [AccountSchema] })
    assert.equal(mikroOrmSession(sqlite).file, resolve('accounts.db'))
    assert.equal(mikroOrmSession(sqlite).size, 1)
    const postgres = (pool: object) => new PostgresOrm({ dbName: 'accounts', entities: [AccountSchema], ...pool })
    assert.equal(mikroOrmSession(postgres({})).size, 10)
    assert.equal(mikroOrmSession(postgres({ pool: { max: 3 } })).size, 3)
    assert.equal(mikroOrmSession(postgres({})).file, undefined)
  })
})
