import pg from 'pg'
import { pgSession, type PgSession } from '../src/sessions/pg.ts'
import type { Place } from './peer.ts'
import { AT_ONCE, type Site, TEXT } from './session-sites.ts'

/** A schema of its own on a server, with a pool for as many connections as tasks run at once. */
export async function openPostgres({ postgres, name }: Place): Promise<Site> {
  const pool = new pg.Pool({ connectionString: postgres, max: AT_ONCE, options: `-c search_path=${name}` })
  await pool.query(`CREATE SCHEMA ${name}`)
  await pool.query('CREATE TABLE effect (n integer PRIMARY KEY, text text NOT NULL)')
  await pool.query('CREATE TABLE done (id text PRIMARY KEY)')
  const insert = async (over: Pick<PgSession, 'query'>, n: number): Promise<void> => {
    await over.query('INSERT INTO effect (n, text) VALUES ($1, $2)', [n, TEXT])
  }
  const inTransaction = async (work: (client: pg.PoolClient) => Promise<void>): Promise<void> => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await work(client)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }
  return {
    sessions: { db: pgSession(pool) },
    insert: (handle, n) => insert(handle as PgSession, n),
    byHand: (n) => inTransaction((client) => insert(client, n)),
    onceByHand: (n, id) =>
      inTransaction(async (client) => {
        const { rowCount } = await client.query('INSERT INTO done (id) VALUES ($1) ON CONFLICT DO NOTHING', [id])
        if (rowCount === 1) await insert(client, n)
      }),
    rows: async () => Number((await pool.query('SELECT count(*) AS count FROM effect')).rows[0].count),
    async close() {
      await pool.query(`DROP SCHEMA ${name} CASCADE`)
      await pool.end()
    },
  }
}
