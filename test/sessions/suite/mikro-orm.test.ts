import { DatabaseSync } from 'node:sqlite'
import { EntitySchema } from '@mikro-orm/core'
import { type EntityManager as MariaDbManager, MikroORM as MariaDbOrm } from '@mikro-orm/mariadb'
import { type EntityManager as PostgresManager, MikroORM as PostgresOrm } from '@mikro-orm/postgresql'
import { type EntityManager, MikroORM as SqliteOrm } from '@mikro-orm/sqlite'
import type { Pool } from 'pg'
import { type MikroOrmLike, mikroOrmSession } from '../../../src/sessions/mikro-orm.ts'
import { dialectOn } from '../../support/mikro-orm-on-node-sqlite.ts'
import { type Library, onMariadb, onPostgres, onSqlite, POOL_SIZE } from './sites.ts'

const Effect = new EntitySchema<{ id: string }>({
  name: 'Effect',
  tableName: 'effect',
  properties: { id: { type: 'string', length: 200, primary: true } },
})

const COMMON = { entities: [Effect], pool: { max: POOL_SIZE } }

type Orm<Em> = { readonly em: Em; close(): Promise<void> } & MikroOrmLike
type AnyManager = Pick<EntityManager, 'execute' | 'insert'>

function libraryOn<Em extends AnyManager & MikroOrmLike['em']>(orm: Orm<Em>, connection: string): Library<Em> {
  return {
    provider: mikroOrmSession(orm),
    insert: (em, id) => em.insert(Effect, { id }),
    taken: () => undefined,
    connectionOf: async (em) => Number((await em.execute<{ id: number }[]>(`SELECT ${connection} AS id`))[0]!.id),
    end: () => orm.close(),
  }
}

onPostgres('MikroORM on pg', async ({ url }) => {
  const orm = await PostgresOrm.init({ clientUrl: url, ...COMMON })
  const pool: Pool = await orm.em.getConnection().getNativeClient()
  return {
    ...libraryOn(orm as Orm<PostgresManager>, 'pg_backend_pid()'),
    taken: () => pool.totalCount - pool.idleCount,
  }
})

onMariadb(
  'MikroORM on mysql2',
  async ({ url }) =>
    libraryOn((await MariaDbOrm.init({ clientUrl: url, ...COMMON })) as Orm<MariaDbManager>, 'connection_id()'),
  { can: { countable: false } },
)

onSqlite(
  'MikroORM on better-sqlite3',
  async (dbName) => {
    const { connectionOf: _, ...library } = libraryOn(await SqliteOrm.init({ dbName, ...COMMON }), '')
    return library
  },
  { can: { countable: false } },
)

onSqlite('MikroORM on node:sqlite', async (dbName) => {
  const database = new DatabaseSync(dbName)
  const orm = await SqliteOrm.init({ driverOptions: dialectOn(database), dbName, ...COMMON })
  const { connectionOf: _, ...library } = libraryOn(orm, '')
  return {
    ...library,
    provider: mikroOrmSession(orm, { database }),
    store: `sqlite:${dbName}`,
    taken: () => (database.isOpen && database.isTransaction ? 1 : 0),
  }
})
