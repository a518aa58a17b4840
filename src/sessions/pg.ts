import type { Pool, PoolClient } from 'pg'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider } from '../model/session.ts'
import { HeldPgClient, isPgTransaction, pgSql } from './pg-client.ts'
import { hasMethods, isolation, SESSION_ENTRIES, wrongObject } from './session-options.ts'

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
 * A transaction in which a query failed, caught or not, is not committed: SESSION_TRANSACTION_OVER.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function pgSession(pool: Pool, options: OptionsGiven<typeof PG_OPTIONS> = {}): SessionProvider<PgSession> {
  checkPool('pgSession', pool)
  const { transaction, outcomes, isolation } = PG_OPTIONS.parse('pgSession', options)
  const begin = isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation}`
  return {
    library: 'pg',
    transaction,
    outcomes,
    size: pool.options.max,
    async open() {
      const held = new HeldPgClient(await pool.connect(), 'pg')
      if (transaction) await held.client.query(begin).catch((error: unknown) => refuse(held, error))
      return openPg(held, transaction)
    },
    sqlOf: (given) => (isPgTransaction(given) ? pgSql(given) : undefined),
  }
}

/** Throws SESSION_WRONG_OBJECT unless it is a pool of `pg` with clients in JavaScript. */
function checkPool(where: string, pool: Pool): void {
  const expected = 'a Pool of pg'
  if (!isPgPool(pool)) throw wrongObject(where, expected, pool)
  const { Client } = pool as { readonly Client?: { readonly prototype: unknown } }
  // Those of pg-native do not say when their connection is lost.
  if (Client !== undefined && !hasMethods(Client.prototype, 'escapeLiteral')) {
    throw wrongObject(where, `${expected} itself, not one of pg-native`, pool)
  }
}

/** Whether it is a pool of `pg`, and no client. */
export function isPgPool(given: unknown): given is Pool {
  return hasMethods(given, 'connect', 'query', 'end', 'on') && typeof (given as Partial<Pool>).options?.max === 'number'
}

function openPg(held: HeldPgClient, isTransaction: boolean): OpenSession<PgSession> {
  const { client } = held
  return {
    handle: client,
    sql: isTransaction ? held.sql : undefined,
    running: () => held.running,
    commit: () => held.commit(),
    commitWith: (text, values) => held.commitWith(text, values),
    rollback: () => held.rollback(),
    close: (broken) => held.close(broken),
  }
}

function refuse(held: HeldPgClient, error: unknown): never {
  held.close(true)
  throw error
}
