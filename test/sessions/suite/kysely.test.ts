import { DatabaseSync } from 'node:sqlite'
import Database from 'better-sqlite3'
import { Kysely, MysqlDialect, PostgresDialect, sql, SqliteDialect, type RawBuilder, type Transaction } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { kyselySession, nodeSqliteDatabase } from '../../../src/sessions/kysely.ts'
import { onMariadb, onPostgres, onSqlite, POOL_SIZE } from './sites.ts'

interface Tables {
  effect: { id: string }
}
type Session = Transaction<Tables>

const insert = (session: Session, id: string) => session.insertInto('effect').values({ id }).execute()
const number = async (session: Session, query: RawBuilder<{ id: number }>) =>
  Number((await query.execute(session)).rows[0]!.id)

onPostgres('Kysely on Postgres', ({ url }) => {
  const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE })
  // Idle connections of a test's database may break.
  pool.on('error', () => undefined)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    provider: kyselySession(db, { pool }),
    insert,
    taken: () => pool.totalCount - pool.idleCount,
    connectionOf: (session: Session) => number(session, sql`SELECT pg_backend_pid() AS id`),
    end: () => db.destroy(),
  }
})

onMariadb('Kysely on MariaDB', ({ url }) => {
  const pool = createPool({ uri: url, connectionLimit: POOL_SIZE })
  // One that broke is never released, so that nothing but the pool's own lists tells.
  const { _allConnections: all, _freeConnections: free } = pool as unknown as Record<
    string,
    { readonly length: number }
  >
  const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) })
  return {
    provider: kyselySession(db, { pool }),
    insert,
    taken: () => all!.length - free!.length,
    connectionOf: (session: Session) => number(session, sql`SELECT connection_id() AS id`),
    end: () => db.destroy(),
  }
})

onSqlite('Kysely on better-sqlite3', (file) => {
  const database = new Database(file)
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
  return {
    provider: kyselySession(db),
    insert,
    taken: () => (database.inTransaction ? 1 : 0),
    end: () => db.destroy(),
  }
})

onSqlite('Kysely on node:sqlite', (file) => {
  const database = new DatabaseSync(file)
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqliteDatabase(database) }) })
  return {
    provider: kyselySession(db, { database }),
    insert,
    taken: () => (database.isTransaction ? 1 : 0),
    end: () => db.destroy(),
  }
})
