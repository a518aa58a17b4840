import pg from 'pg'
import { type PgSession, pgSession } from '../../../src/sessions/pg.ts'
import { onPostgres, POOL_SIZE } from './sites.ts'

onPostgres('pg', ({ url }) => {
  const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE })
  // Idle connections of a test's database may break.
  pool.on('error', () => undefined)
  return {
    provider: pgSession(pool),
    insert: (client: PgSession, id) => client.query('INSERT INTO effect (id) VALUES ($1)', [id]),
    taken: () => pool.totalCount - pool.idleCount,
    connectionOf: async (client: PgSession) =>
      (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid,
    end: () => pool.end(),
  }
})
