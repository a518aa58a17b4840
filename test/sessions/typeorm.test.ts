/** Sessions of TypeORM, on PostgreSQL, MariaDB and SQLite. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import 'reflect-metadata'
import Database from 'better-sqlite3'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { DataSource, type DataSourceOptions, type EntityManager, EntitySchema } from 'typeorm'
import { typeormSession } from '../../src/sessions/typeorm.ts'
import { databaseFile } from '../support/bench.ts'
import {
  mariadbDatabase,
  postgresDatabase,
  skipMariadb,
  skipPostgres,
  type TestDatabase,
} from '../support/databases.ts'
import { type OrmSite, ormSessionTests } from '../support/orm-sessions.ts'

interface Account {
  id: number
  name: string
}

const AccountSchema = new EntitySchema<Account>({
  name: 'account',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: 'varchar', length: 100, unique: true },
  },
})

async function initialized(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = new DataSource({ ...options, entities: [AccountSchema], synchronize: true })
  return dataSource.initialize()
}

function siteOf(
  dialect: OrmSite<EntityManager>['dialect'],
  dataSource: DataSource,
  outside: OrmSite<EntityManager>['outside'],
): OrmSite<EntityManager> {
  return {
    dialect,
    outside,
    provider: (options) => typeormSession(dataSource, options),
    insert: (db, name) => db.getRepository(AccountSchema).save({ name }),
    raw: (db, sql) => db.query(sql),
    part(db) {
      const accounts = db.getRepository(AccountSchema)
      return { use: () => accounts.find(), used: '.getRepository().find' }
    },
    ownTransaction: (body) =>
      assert.rejects(
        dataSource.transaction(async (manager) => {
          await body(manager)
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

describe('sessions of TypeORM on PostgreSQL', { skip: skipPostgres }, () => {
  let database: TestDatabase
  let pool: pg.Pool
  let site: OrmSite<EntityManager>
  let dataSource: DataSource

  before(async () => {
    database = await postgresDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    // It is not closed yet when `end` resolves, and the server may end it first.
    pool.on('error', () => undefined)
    dataSource = await initialized({ type: 'postgres', url: database.url, poolSize: 2 })
    site = { url: database.url, ...siteOf('postgres', dataSource, async (sql) => (await pool.query(sql)).rows) }
  })
  after(async () => {
    await dataSource.destroy()
    await pool.end()
    await database.drop()
  })

  ormSessionTests('postgres', () => site)

  it('does not commit while a transaction inside of it is open, nor after somebody has ended it', async () => {
    const over = { code: 'SESSION_TRANSACTION_OVER' }
    const session = await site.provider().open()
    await session.handle.queryRunner!.startTransaction()
    await site.insert(session.handle, 'Ada')
    await assert.rejects(async () => session.commit(), over)
    await session.rollback()
    await session.close(false)
    assert.deepEqual(await site.names(), [])
    const second = await site.provider().open()
    await second.handle.queryRunner!.rollbackTransaction()
    await assert.rejects(async () => second.commit(), over)
    await assert.rejects(async () => second.sql!.query('DELETE FROM account', []), over)
    await second.rollback()
    await second.close(false)
  })
})

describe('sessions of TypeORM on MariaDB', { skip: skipMariadb }, () => {
  let database: TestDatabase
  let pool: mysql.Pool
  let site: OrmSite<EntityManager>
  let dataSource: DataSource

  before(async () => {
    database = await mariadbDatabase()
    pool = mysql.createPool(database.url)
    dataSource = await initialized({ type: 'mariadb', url: database.url, poolSize: 2 })
    site = { url: database.url, ...siteOf('mysql', dataSource, async (sql) => (await pool.query(sql))[0]) }
  })
  after(async () => {
    await dataSource.destroy()
    await pool.end()
    await database.drop()
  })

  ormSessionTests('mysql', () => site)
})

describe('sessions of TypeORM on SQLite', () => {
  let site: OrmSite<EntityManager>
  let dataSource: DataSource

  before(async () => {
    dataSource = await initialized({ type: 'better-sqlite3', database: ':memory:' })
    site = siteOf('sqlite', dataSource, (sql) => dataSource.query(sql))
  })
  after(() => dataSource.destroy())

  ormSessionTests('sqlite', () => site)

  it('is over, with all that it did, when the application begins a transaction on its connection', async () => {
    const session = await site.provider().open()
    await site.insert(session.handle, 'Ada')
    // TypeORM rolls back what it could not begin, and there is one connection for both.
    await assert.rejects(
      dataSource.transaction(() => Promise.resolve()),
      /cannot start a transaction within a transaction/,
    )
    await assert.rejects(site.insert(session.handle, 'Bob'), { code: 'SESSION_TRANSACTION_OVER' })
    await assert.rejects(async () => session.commit(), { code: 'SESSION_TRANSACTION_OVER' })
    await session.rollback()
    await session.close(false)
    assert.deepEqual(await site.names(), [])
  })

  it('does not wait for another connection on the event loop', async (t) => {
    const file = databaseFile(t)
    const files = await initialized({ type: 'better-sqlite3', database: file, enableWAL: true })
    t.after(() => files.destroy())
    const provider = typeormSession(files)
    assert.equal(provider.file, file)
    const other = new Database(file)
    other.pragma('busy_timeout = 0')
    t.after(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const opening = provider.open()
    await new Promise<void>((resolve) => setImmediate(resolve))
    other.exec('COMMIT')
    const session = await opening
    // It writes from the beginning: nobody else can.
    assert.throws(() => other.exec('BEGIN IMMEDIATE'), /database is locked/)
    await session.rollback()
    await session.close(false)
  })
})

describe('typeormSession', () => {
  const ofType = (options: object) => new DataSource(options as DataSourceOptions)

  it('says of the pool what the data source says', () => {
    const sizes: [options: object, size: number][] = [
      [{ type: 'postgres' }, 10],
      [{ type: 'postgres', poolSize: 3 }, 3],
      [{ type: 'postgres', poolSize: 3, extra: { max: 4 } }, 4],
      [{ type: 'mysql', extra: { connectionLimit: 5 } }, 5],
      [{ type: 'better-sqlite3', database: ':memory:' }, 1],
    ]
    for (const [options, size] of sizes) assert.equal(typeormSession(ofType(options)).size, size)
  })

  it('refuses what is no data source, or one of another database', () => {
    assert.throws(() => typeormSession({} as DataSource), { code: 'SESSION_WRONG_OBJECT' })
    const spanner = Object.assign(Object.create(ofType({ type: 'postgres' }) as object) as DataSource, {
      options: { type: 'mssql' },
    })
    assert.throws(() => typeormSession(spanner), { code: 'SESSION_WRONG_OBJECT', message: /got one for mssql/ })
  })
})
