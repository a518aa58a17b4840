import type { Database } from 'better-sqlite3'
import type { Pool } from 'pg'
import 'reflect-metadata'
import { DataSource, type DataSourceOptions, type EntityManager, EntitySchema } from 'typeorm'
import { typeormSession } from '../../../src/sessions/typeorm.ts'
import { onMariadb, onPostgres, onSqlite, POOL_SIZE } from './sites.ts'

const Effect = new EntitySchema<{ id: string }>({
  name: 'effect',
  columns: { id: { type: 'varchar', length: 200, primary: true } },
})

async function libraryOn(options: DataSourceOptions, connection: string) {
  const dataSource = await new DataSource({ ...options, entities: [Effect] }).initialize()
  const library = {
    provider: typeormSession(dataSource),
    insert: (manager: EntityManager, id: string) => manager.insert(Effect, { id }),
    taken: () => undefined,
    connectionOf: async (manager: EntityManager) => {
      const [row] = (await manager.query(`SELECT ${connection} AS id`)) as { readonly id: number | string }[]
      return Number(row!.id)
    },
    end: () => dataSource.destroy(),
  }
  return { dataSource, library }
}

onPostgres('TypeORM on pg', async ({ url }) => {
  const poolErrorHandler = () => undefined
  const options = { type: 'postgres', url, poolSize: POOL_SIZE, poolErrorHandler } as const
  const { dataSource, library } = await libraryOn(options, 'pg_backend_pid()')
  // The pool is the library's own.
  const { master } = dataSource.driver as unknown as { readonly master: Pool }
  return { ...library, taken: () => master.totalCount - master.idleCount }
})

onMariadb(
  'TypeORM on mysql2',
  async ({ url }) => (await libraryOn({ type: 'mariadb', url, poolSize: POOL_SIZE }, 'connection_id()')).library,
  { can: { countable: false } },
)

onSqlite('TypeORM on better-sqlite3', async (database) => {
  const { dataSource, library } = await libraryOn({ type: 'better-sqlite3', database }, '')
  const { databaseConnection } = dataSource.driver as unknown as { readonly databaseConnection: Database }
  const { connectionOf: _, ...rest } = library
  return { ...rest, taken: () => (databaseConnection.inTransaction ? 1 : 0) }
})
