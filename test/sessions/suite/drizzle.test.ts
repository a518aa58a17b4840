import Sqlite from 'better-sqlite3'
import { sql } from 'drizzle-orm'
import { type BetterSQLite3Database, drizzle as drizzleOnSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleOnMysql2, type MySql2Database } from 'drizzle-orm/mysql2'
import { drizzle as drizzleOnPg, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { drizzle as drizzleOnPostgresJs, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import mysql from 'mysql2/promise'
import pg from 'pg'
import postgres from 'postgres'
import { drizzleSession, type DrizzleSession } from '../../../src/sessions/drizzle.ts'
import { onMariadb, onPostgres, onSqlite, POOL_SIZE } from './sites.ts'

// Queries are awaited where they are made, for they are not begun before that.
onPostgres('Drizzle on pg', ({ url }) => {
  const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE })
  // Idle connections of a test's database may break.
  pool.on('error', () => undefined)
  return {
    provider: drizzleSession(drizzleOnPg(pool)),
    insert: async (tx: DrizzleSession<NodePgDatabase>, id) => {
      await tx.execute(sql`INSERT INTO effect (id) VALUES (${id})`)
    },
    taken: () => pool.totalCount - pool.idleCount,
    connectionOf: async (tx: DrizzleSession<NodePgDatabase>) =>
      (await tx.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)).rows[0]!.pid,
    end: () => pool.end(),
  }
})

onPostgres(
  'Drizzle on postgres.js',
  ({ url }) => {
    const client = postgres(url, { max: POOL_SIZE, onnotice() {} })
    return {
      provider: drizzleSession(drizzleOnPostgresJs(client)),
      insert: async (tx: DrizzleSession<PostgresJsDatabase>, id) => {
        await tx.execute(sql`INSERT INTO effect (id) VALUES (${id})`)
      },
      taken: () => undefined,
      connectionOf: async (tx: DrizzleSession<PostgresJsDatabase>) =>
        (await tx.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`))[0]!.pid,
      end: () => client.end({ timeout: 5 }),
    }
  },
  { can: { countable: false } },
)

onMariadb('Drizzle on mysql2', ({ url }) => {
  const pool = mysql.createPool({ uri: url, connectionLimit: POOL_SIZE })
  const { _allConnections: all, _freeConnections: free } = pool.pool as unknown as Record<string, { length: number }>
  return {
    provider: drizzleSession(drizzleOnMysql2(pool)),
    insert: async (tx: DrizzleSession<MySql2Database>, id) => {
      await tx.execute(sql`INSERT INTO effect (id) VALUES (${id})`)
    },
    taken: () => all!.length - free!.length,
    async connectionOf(tx: DrizzleSession<MySql2Database>) {
      const [rows] = await tx.execute(sql`SELECT connection_id() AS id`)
      return (rows as unknown as { id: number }[])[0]!.id
    },
    end: () => pool.end(),
  }
})

onSqlite(
  'Drizzle on better-sqlite3',
  (file) => {
    const client = new Sqlite(file)
    return {
      provider: drizzleSession(drizzleOnSqlite(client)),
      insert: async (db: BetterSQLite3Database, id) => db.run(sql`INSERT INTO effect (id) VALUES (${id})`),
      taken: () => (client.inTransaction ? 1 : 0),
      end: () => void client.close(),
    }
  },
  { can: { asynchronous: false } },
)
