import { AfterwordError } from '../model/errors.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import { received } from '../model/received.ts'
import type { OpenSession, SessionProvider } from '../model/session.ts'
import { drizzleOnBetterSqlite3 } from './drizzle-better-sqlite3.ts'
import { type DrizzleDriver, isDrizzle } from './drizzle-driver.ts'
import { drizzleOnMysql2 } from './drizzle-mysql2.ts'
import { drizzleOnPg, drizzleOnPostgresJs } from './drizzle-postgres.ts'
import { type Isolation, isolation, SESSION_ENTRIES } from './session-options.ts'

/** The options of {@link drizzleSession}. */
export const DRIZZLE_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: {
    is: isolation,
    default: undefined,
    says: "The isolation level. By default the database's. SQLite is always serializable.",
  },
})

type DrizzleOptions = OptionsGiven<typeof DRIZZLE_OPTIONS>

/** A database of Drizzle, by what is used of it. */
export interface DrizzleDatabase {
  transaction(body: never, config?: never): unknown
}

/** What a session of Drizzle is to work with: the transaction of that very database, its schema included; on SQLite the database. */
export type DrizzleSession<Db extends DrizzleDatabase> = Db['transaction'] extends (
  body: infer Body,
  ...rest: never
) => infer Over
  ? Over extends Promise<unknown>
    ? Body extends (tx: infer Tx, ...rest: never) => unknown
      ? Tx
      : never
    : Db
  : never

/**
 * Sessions of Drizzle on node-postgres, postgres-js, mysql2 or better-sqlite3: what `db.transaction` gives, for each.
 *
 * ```ts
 * createBackground({ sessions: { db: drizzleSession(drizzle(pool, { schema })) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db.query.users.findMany()
 * ```
 *
 * On better-sqlite3 a transaction has one connection and cannot wait: the session is the database itself while a transaction is
 * open on it, for each in turn. With `transaction: false` a session is the database itself, and holds nothing.
 *
 * A transaction in which a query failed, caught or not, is not committed on Postgres: SESSION_TRANSACTION_OVER.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function drizzleSession<Db extends DrizzleDatabase>(
  db: Db,
  options: DrizzleOptions & { readonly transaction: false },
): SessionProvider<Db>
export function drizzleSession<Db extends DrizzleDatabase>(
  db: Db,
  options?: DrizzleOptions & { readonly transaction?: true | undefined },
): SessionProvider<DrizzleSession<Db>>
export function drizzleSession(db: DrizzleDatabase, options: DrizzleOptions = {}): SessionProvider {
  const { transaction, outcomes, isolation } = DRIZZLE_OPTIONS.parse('drizzleSession', options)
  const driver = driverOf(db, transaction, isolation)
  return {
    library: 'drizzle',
    transaction,
    outcomes,
    ...driver.traits,
    ...(!transaction && { size: undefined }),
    open: () => (transaction ? driver.open() : (driver.openWithout?.() ?? withoutTransaction(db))),
    sqlOf: (given) => (isDrizzle(given) ? driver.sqlOf(given.session.client) : undefined),
  }
}

function driverOf(given: DrizzleDatabase, transaction: boolean, isolation: Isolation): DrizzleDriver {
  // Of a database with replicas the one that transactions go to.
  const { $primary: db = given } = (given ?? {}) as { readonly $primary?: DrizzleDatabase }
  const driver = isDrizzle(db)
    ? (drizzleOnPg(db, isolation) ??
      drizzleOnPostgresJs(db, isolation) ??
      drizzleOnMysql2(db, isolation) ??
      drizzleOnBetterSqlite3(db, transaction))
    : undefined
  if (driver !== undefined) return driver
  throw new AfterwordError('SESSION_WRONG_OBJECT', {
    where: 'drizzleSession',
    expected: 'a database of drizzle-orm on a Pool of pg, on postgres.js, on a pool of mysql2 or on better-sqlite3',
    got: isDrizzle(db) ? `${received(db)} on ${received(db.session.client)}` : received(db),
  })
}

function withoutTransaction(db: DrizzleDatabase): OpenSession {
  return { handle: db, commit() {}, rollback() {}, close() {} }
}
