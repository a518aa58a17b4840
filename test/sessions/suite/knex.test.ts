import makeKnex, { type Knex } from 'knex'
import type { Pool } from 'tarn'
import { type KnexSession, knexSession } from '../../../src/sessions/knex.ts'
import { onMariadb, onPostgres, onSqlite, POOL_SIZE } from './sites.ts'

const pool = { min: 0, max: POOL_SIZE }

const library = (knex: Knex) => ({
  provider: knexSession(knex),
  // A query of Knex begins when somebody waits for it.
  insert: async (session: KnexSession, id: string) => void (await session('effect').insert({ id })),
  taken: () => (knex.client as { pool: Pool<unknown> }).pool.numUsed(),
  end: () => knex.destroy(),
})

onPostgres('Knex on Postgres', ({ url }) => ({
  ...library(makeKnex({ client: 'pg', connection: url, pool })),
  connectionOf: async (session: KnexSession) =>
    (await session.raw<{ rows: { id: number }[] }>('SELECT pg_backend_pid() AS id')).rows[0]!.id,
}))

onMariadb('Knex on MariaDB', ({ url }) => ({
  ...library(makeKnex({ client: 'mysql2', connection: url, pool })),
  connectionOf: async (session: KnexSession) =>
    (await session.raw<[{ id: number }[]]>('SELECT connection_id() AS id'))[0]![0]!.id,
}))

onSqlite('Knex on better-sqlite3', (filename) =>
  library(makeKnex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })),
)
