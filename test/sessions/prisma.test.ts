/** Sessions of Prisma, on PostgreSQL and MariaDB. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { prismaSession, type PrismaSession } from '../../src/sessions/prisma.ts'
import {
  mariadbDatabase,
  postgresDatabase,
  skipMariadb,
  skipPostgres,
  type TestDatabase,
} from '../support/databases.ts'
import { type OrmSite, ormSessionTests } from '../support/orm-sessions.ts'
import { type GeneratedClient, generateClient } from './prisma/generated-client.ts'

interface Account {
  readonly id: number
  readonly name: string
}

interface Model {
  create(args: { readonly data: object }): PromiseLike<Account>
  findMany(): PromiseLike<Account[]>
  findUnique(args: object): { payments(): PromiseLike<{ readonly cents: number }[]> } & PromiseLike<Account | null>
}

/** The client, as far as the tests use it: it exists once it is generated. What the compiler makes of the real one is in TYPES. */
interface Client {
  readonly account: Model
  $queryRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown[]>
  $executeRawUnsafe(sql: string): PromiseLike<number>
  $transaction<T>(run: (tx: Client) => Promise<T>): Promise<T>
  $extends(extension: object): Client
  $connect(): Promise<void>
  $disconnect(): Promise<void>
}

type Handle = PrismaSession<Client>

const run = promisify(execFile)

/** What the compiler knows; compiled beside the client, never run. */
const TYPES = `
import { defineTask } from 'afterword'
import { prismaSession, type PrismaSession } from 'afterword/sessions/prisma'
import type { Prisma, PrismaClient } from './generated/client.ts'

declare const client: PrismaClient
declare function takesTransaction(tx: Prisma.TransactionClient): void
const extended = client.$extends({ model: { account: { names: () => Promise.resolve(['Ada']) } } })
export const plain: PrismaSession<PrismaClient> = undefined! as Prisma.TransactionClient

export const charge = defineTask({
  name: 'charge',
  sessions: { db: prismaSession(client, { timeout: '2h' }), more: prismaSession(extended, { transaction: false }) },
  run: async (_input: undefined, context) => {
    const db = await context.session.db
    takesTransaction(db)
    const account = await db.account.create({ data: { name: 'Ada' }, select: { id: true } })
    const id: number = account.id
    // @ts-expect-error -- it was not selected.
    account.name
    // @ts-expect-error -- there is no such column.
    await db.account.create({ data: { nickname: 'Ada' } })
    // @ts-expect-error -- a session connects nowhere.
    db.$connect
    const names: string[] = await (await context.session.more).account.names()
    return { id, names }
  },
})
`

const TABLES = {
  postgres: 'id serial PRIMARY KEY',
  mysql: 'id int AUTO_INCREMENT PRIMARY KEY',
}

function siteOf(dialect: 'mysql' | 'postgres', client: Client, outside: OrmSite<Handle>['outside']): OrmSite<Handle> {
  return {
    dialect,
    outside,
    provider: (options) => prismaSession(client, options),
    insert: async (db, name) => db.account.create({ data: { name } }),
    raw: async (db, sql) => db.$queryRawUnsafe(sql),
    part(db) {
      const accounts = db.account
      return { use: async () => accounts.findMany(), used: '.account.findMany' }
    },
    ownTransaction: (body) =>
      assert.rejects(
        client.$transaction(async (tx) => {
          await body(tx)
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

async function createTables(dialect: 'mysql' | 'postgres', { outside }: OrmSite<Handle>): Promise<void> {
  await outside(`CREATE TABLE account (${TABLES[dialect]}, name varchar(100) NOT NULL UNIQUE)`)
  await outside(
    `CREATE TABLE payment (${TABLES[dialect]}, cents int NOT NULL, account_id int NOT NULL REFERENCES account (id))`,
  )
}

describe('sessions of Prisma on PostgreSQL', { skip: skipPostgres }, () => {
  let database: TestDatabase
  let pool: pg.Pool
  let generated: GeneratedClient
  let client: Client
  let site: OrmSite<Handle>

  before(async () => {
    generated = await generateClient('postgresql')
    database = await postgresDatabase()
    pool = new pg.Pool({ connectionString: database.url })
    // It is not closed yet when `end` resolves, and the server may end it first.
    pool.on('error', () => undefined)
    const adapter = new PrismaPg({ connectionString: database.url, max: 2 })
    client = new generated.module.PrismaClient({ adapter }) as Client
    site = { url: database.url, ...siteOf('postgres', client, async (sql) => (await pool.query(sql)).rows) }
    await createTables('postgres', site)
  })
  after(async () => {
    await client.$disconnect()
    await pool.end()
    await database.drop()
    generated.remove()
  })

  ormSessionTests('postgres', () => site)

  it('may last a day, where Prisma itself would end it after five seconds', async () => {
    let options: unknown
    const recording = new Proxy(client, {
      get(target, key) {
        if (key !== '$transaction') return Reflect.get(target, key, target) as unknown
        return (run: (tx: Client) => Promise<void>, given: unknown) => {
          options = given
          return (target.$transaction as (...args: unknown[]) => unknown)(run, given)
        }
      },
    })
    const session = await prismaSession(recording, { isolation: 'repeatable read' }).open()
    await session.rollback()
    await session.close(false)
    assert.deepEqual(options, { timeout: 86_400_000, maxWait: 86_400_000, isolationLevel: 'RepeatableRead' })
  })

  it('says so when its own time is over', async () => {
    const session = await prismaSession(client, { timeout: 50 }).open()
    await session.handle.account.create({ data: { name: 'Ada' } })
    await site.outside('SELECT pg_sleep(0.2)')
    await assert.rejects(async () => session.commit(), {
      code: 'SESSION_TRANSACTION_OVER',
      message: /timeout for this transaction was 50 ms.*option "timeout" of prismaSession/s,
    })
    await session.rollback()
    await session.close(false)
    assert.deepEqual(await site.names(), [])
  })

  it('counts a query that is never sent, since nobody waits for it', async () => {
    const session = await prismaSession(client).open()
    const { account } = session.handle
    const forgotten = account.create({ data: { name: 'Ada' } })
    assert.equal(session.running!(), 1)
    await forgotten
    assert.equal(session.running!(), 0)
    const payments = account.findUnique({ where: { name: 'Ada' } }).payments()
    assert.equal(session.running!(), 1)
    assert.deepEqual(await payments, [])
    assert.deepEqual((await account.findUnique({ where: { name: 'Ada' } }))?.name, 'Ada')
    assert.equal(session.running!(), 0)
    await session.rollback()
    await session.close(false)
  })

  it('has what extensions have added, and transactions inside of it', async () => {
    const extended = client.$extends({
      model: {
        account: {
          async names(this: Model) {
            return (await this.findMany()).map(({ name }) => name)
          },
        },
      },
      client: { $greet: () => 'hello' },
    })
    const provider = prismaSession(extended)
    const session = await provider.open()
    const db = session.handle as {
      readonly $greet: () => string
      readonly account: { names(): Promise<string[]> }
    } & Client
    await db.account.create({ data: { name: 'Ada' } })
    await assert.rejects(
      db.$transaction(async (tx) => {
        await tx.account.create({ data: { name: 'Bob' } })
        throw new Error('only this')
      }),
      /only this/,
    )
    assert.deepEqual(await db.account.names(), ['Ada'])
    assert.equal(db.$greet(), 'hello')
    await session.commit()
    await session.close(false)
    assert.deepEqual(await site.names(), ['Ada'])
    // The transactions of one client are those of its extensions, and the other way round.
    await client.$transaction(async (tx) => assert.ok(provider.sqlOf!(tx)))
  })

  it('has the type of the client, extensions and all', async () => {
    const folder = dirname(generated.folder)
    const page = readFileSync(new URL('../../docs/sessions-libraries.md', import.meta.url), 'utf8')
    const [, block] = /## Prisma[^]*?```typescript\n([^]*?)```/.exec(page)!
    writeFileSync(join(folder, 'page.ts'), block!)
    writeFileSync(join(folder, 'types.ts'), TYPES)
    const settings = {
      extends: '../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false },
      include: ['*.ts'],
      exclude: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
    const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
    await run(process.execPath, [compiler, '--project', folder])
  })

  it('refuses what is no client', async () => {
    const wrong: [given: unknown, got: RegExp][] = [
      [pool, /got an instance of .*Pool/],
      [generated.module.PrismaClient, /got/],
    ]
    for (const [given, message] of wrong) {
      assert.throws(() => prismaSession(given as Client), { code: 'SESSION_WRONG_OBJECT', message })
    }
    await client.$transaction(async (tx) => {
      assert.throws(() => prismaSession(tx), { code: 'SESSION_WRONG_OBJECT' })
    })
  })
})

describe('sessions of Prisma on MariaDB', { skip: skipMariadb }, () => {
  let database: TestDatabase
  let pool: mysql.Pool
  let generated: GeneratedClient
  let client: Client
  let site: OrmSite<Handle>

  before(async () => {
    generated = await generateClient('mysql')
    database = await mariadbDatabase()
    pool = mysql.createPool(database.url)
    const { host, port, user } = database
    const adapter = new PrismaMariaDb({ host, port, user, database: database.database, connectionLimit: 2 })
    client = new generated.module.PrismaClient({ adapter }) as Client
    site = { url: database.url, ...siteOf('mysql', client, async (sql) => (await pool.query(sql))[0]) }
    await createTables('mysql', site)
  })
  after(async () => {
    await client.$disconnect()
    await pool.end()
    await database.drop()
    generated.remove()
  })

  ormSessionTests('mysql', () => site)
})
