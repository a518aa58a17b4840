import type { Pool, PoolClient } from 'pg'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql, SqlRow } from '../model/session.ts'
import { RunningCount } from './running-count.ts'
import { checkObject, isolation, SESSION_ENTRIES } from './session-options.ts'

/** What a session of `pg` is to work with: a client of the pool, whose end is not yours to decide. */
export type PgSession = Omit<PoolClient, 'connect' | 'end' | 'release'>

/** The options of {@link pgSession}. */
export const PG_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: { is: isolation, default: undefined, says: "The isolation level. By default the database's." },
})

/**
 * Sessions of `pg`: a client of your pool for each, with a transaction around it.
 *
 * ```ts
 * createBackground({ sessions: { db: pgSession(new pg.Pool()) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db.query('insert into …')
 * ```
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function pgSession(pool: Pool, options: OptionsGiven<typeof PG_OPTIONS> = {}): SessionProvider<PgSession> {
  checkObject('pgSession', 'a Pool of pg', pool, 'connect', 'query', 'end', 'on')
  const { transaction, outcomes, isolation } = PG_OPTIONS.parse('pgSession', options)
  const begin = isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation}`
  return {
    library: 'pg',
    transaction,
    outcomes,
    size: pool.options.max,
    async open() {
      const client = await pool.connect()
      const session = openPg(client)
      if (transaction) await client.query(begin).catch((error: unknown) => refuse(session, error))
      return session
    },
    sqlOf: (given) => (isClient(given) ? pgSql(given) : undefined),
  }
}

function openPg(client: PoolClient): OpenSession<PgSession> {
  const running = new RunningCount(client, 'query')
  // A connection that breaks tells its next query so; without a listener it would end the process as well.
  client.on('error', ignore)
  return {
    handle: client,
    sql: pgSql(client),
    running: () => running.count,
    async commit() {
      const { command } = await client.query('COMMIT')
      if (command !== 'COMMIT') throw new Error('Postgres rolled back instead: a query of the transaction had failed')
    },
    rollback: () => client.query('ROLLBACK'),
    close(broken) {
      running.release()
      client.off('error', ignore)
      client.release(broken)
    },
  }
}

/** How statements get to the server over a client of `pg`. */
export function pgSql(client: Pick<PoolClient, 'query'>): SessionSql {
  return {
    dialect: 'postgres',
    query: async (sql, values) => (await client.query<SqlRow>(sql, [...values])).rows,
  }
}

function ignore(): void {}

async function refuse(session: OpenSession, error: unknown): Promise<never> {
  await session.close(true)
  throw error
}

function isClient(given: unknown): given is PoolClient {
  const client = given as Partial<PoolClient> | null
  return typeof client === 'object' && typeof client?.query === 'function' && typeof client.release === 'function'
}
