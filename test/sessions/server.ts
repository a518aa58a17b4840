/** A server of Postgres as the tests of providers see it: a pool of their own, beside the one that is tried. */
import pg from 'pg'
import { postgresDatabase } from '../support/databases.ts'

/** A database with the tables `effect (id text)` and `parent`/`child`, whose foreign key is checked at the commit. */
export interface PostgresServer {
  readonly url: string
  /** The ids in `effect`, as somebody else sees them. */
  ids(): Promise<readonly string[]>
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  /** Ends the process of the server that serves a connection. Resolves when it has ended. */
  terminate(pid: number): Promise<void>
  /** Resolves when so many connections wait for a lock. */
  waiting(count: number): Promise<void>
  /** Drops it. */
  end(): Promise<void>
}

/** A database that the test file has to itself, until it ends it. */
export async function postgresServer(): Promise<PostgresServer> {
  const database = await postgresDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  // A pool has ended before its connections have: the one that goes with the database is told of that.
  pool.on('error', () => undefined)
  await pool.query(`
    CREATE TABLE effect (id text PRIMARY KEY);
    CREATE TABLE parent (id text PRIMARY KEY);
    CREATE TABLE child (id text PRIMARY KEY REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`)
  const query = async (sql: string, values: readonly unknown[] = []) =>
    (await pool.query<Record<string, unknown>>(sql, [...values])).rows
  return {
    url: database.url,
    query,
    ids: async () => (await query('SELECT id FROM effect ORDER BY id')).map(({ id }) => String(id)),
    async terminate(pid) {
      await query('SELECT pg_terminate_backend($1, 10000)', [pid])
    },
    async end() {
      await pool.end()
      await database.drop()
    },
    async waiting(count) {
      const waiting = async () =>
        (await query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"))
          .length
      while ((await waiting()) < count) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
