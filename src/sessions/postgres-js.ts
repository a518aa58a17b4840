import type postgres from 'postgres'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql, SqlRow } from '../model/session.ts'
import { openByCallback } from './by-callback.ts'
import { isLoss, PostgresJsQueries } from './postgres-js-queries.ts'
import { hasMethods, type Isolation, isolation, SESSION_ENTRIES, wrongObject } from './session-options.ts'
import { explainedByPostgres } from './transaction-over.ts'

/** The options of {@link postgresJsSession}. */
export const POSTGRES_JS_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: { is: isolation, default: undefined, says: "The isolation level. By default the database's." },
})

type PostgresJsOptions = OptionsGiven<typeof POSTGRES_JS_OPTIONS>
type Types = Record<string, unknown>

/**
 * Begins a transaction of postgres.js, as `sql.begin` does.
 *
 * @param follow  makes a handle that is followed of what `sql.begin` calls back with.
 * @param body  is called back with that handle, and with what the owner of the session works with.
 */
export type PostgresJsBegin<Handle> = (
  follow: (tx: postgres.TransactionSql) => postgres.TransactionSql,
  body: (begun: { readonly tx: postgres.TransactionSql; readonly handle: Handle }) => Promise<void>,
) => Promise<unknown>

/**
 * Sessions of postgres.js: what `sql.begin` gives for each. Nested transactions are `db.savepoint(…)`.
 *
 * ```ts
 * createBackground({ sessions: { db: postgresJsSession(postgres(url)) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db`insert into …`
 * ```
 *
 * As always with postgres.js, a transaction in which a query failed, caught or not, is not committed. With `transaction: false`
 * a session is `sql` itself: it holds no connection, each query takes one.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function postgresJsSession<T extends Types>(
  sql: postgres.Sql<T>,
  options: PostgresJsOptions & { readonly transaction: false },
): SessionProvider<postgres.Sql<T>>
export function postgresJsSession<T extends Types>(
  sql: postgres.Sql<T>,
  options?: PostgresJsOptions & { readonly transaction?: true | undefined },
): SessionProvider<postgres.TransactionSql<T>>
export function postgresJsSession(sql: postgres.Sql, options: PostgresJsOptions = {}): SessionProvider {
  if (!isPostgresJs(sql)) throw wrongObject('postgresJsSession', 'the sql that postgres() gives', sql)
  const { transaction, outcomes, isolation } = POSTGRES_JS_OPTIONS.parse('postgresJsSession', options)
  const begin: PostgresJsBegin<postgres.TransactionSql> = (follow, body) =>
    sql.begin(beginOptions(isolation), (begun) => {
      const tx = follow(begun)
      return body({ tx, handle: tx })
    })
  return {
    library: 'postgres.js',
    transaction,
    outcomes,
    size: transaction ? sql.options.max : undefined,
    open: () => (transaction ? openPostgresJs('postgres.js', begin, sql) : openPool(sql)),
    sqlOf: (given) => (isPostgresJsTransaction(given) ? postgresJsSql(given, sql) : undefined),
  }
}

/** Whether it is what `postgres()` gives: neither a transaction nor a reserved connection of it. */
export function isPostgresJs(given: unknown): given is postgres.Sql {
  return typeof given === 'function' && hasMethods(given, 'begin', 'reserve', 'unsafe', 'end')
}

/** What `sql.begin` takes for an isolation level. */
export function beginOptions(isolation: Isolation): string {
  return isolation === undefined ? '' : `isolation level ${isolation}`
}

/**
 * Opens a session of postgres.js.
 *
 * @param library  who uses it, for errors: `postgres.js`, `drizzle`.
 * @param begin  begins the transaction.
 * @param sql  what it is begun on.
 */
export async function openPostgresJs<Handle>(
  library: string,
  begin: PostgresJsBegin<Handle>,
  sql: postgres.Sql,
): Promise<OpenSession<Handle>> {
  const open = (): Promise<OpenSession<Handle>> => beginPostgresJs(library, begin, sql)
  // The pool does not know yet that a connection is lost, or says so once more when it has connected again.
  const session = await open().catch((error: unknown) => {
    if (isLoss(error)) return open()
    throw error
  })
  return { ...session, commitWith: (text, values) => commitWith(session, text, values) }
}

function beginPostgresJs<Handle>(
  library: string,
  begin: PostgresJsBegin<Handle>,
  sql: postgres.Sql,
): Promise<OpenSession<Handle>> {
  const queries = new PostgresJsQueries()
  return openByCallback(
    (body: (begun: { readonly tx: postgres.TransactionSql; readonly handle: Handle }) => Promise<void>) => {
      const over = begin((tx) => queries.followTransaction(tx), body)
      over.catch(queries.lose)
      return over
    },
    ({ tx, handle }) => ({
      handle,
      sql: inSession(library, postgresJsSql(tx, sql)),
      running: () => queries.running,
      isLost: () => queries.isLost,
      close(broken) {
        // The connection is the library's: what keeps it busy ends, so that its transaction can.
        if (broken && !queries.isLost) queries.cancel()
      },
    }),
  )
}

/** Says of a transaction in which a query has failed what pg says of it. */
function inSession(library: string, sql: SessionSql): SessionSql {
  return {
    dialect: sql.dialect,
    async query(text, values) {
      try {
        return await sql.query(text, values)
      } catch (error) {
        throw explainedByPostgres(library, error)
      }
    },
  }
}

/** The COMMIT is on its way before the statement is answered; after a statement that failed the server takes it for a ROLLBACK. */
async function commitWith(session: OpenSession, ...statement: Parameters<SessionSql['query']>): Promise<void> {
  const written = session.sql!.query(...statement)
  const [write, commit] = await Promise.allSettled([written, session.commit()])
  if (write.status === 'rejected') throw write.reason
  if (commit.status === 'rejected') throw commit.reason
}

function openPool(sql: postgres.Sql): OpenSession<postgres.Sql> {
  const queries = new PostgresJsQueries()
  return {
    handle: queries.followPool(sql),
    running: () => queries.running,
    commit() {},
    rollback() {},
    close() {},
  }
}

/**
 * How statements get into a transaction of postgres.js.
 *
 * @param sql  what it is a transaction of.
 */
export function postgresJsSql(
  tx: Pick<postgres.TransactionSql, 'unsafe'>,
  sql: Pick<postgres.Sql, 'options'>,
): SessionSql {
  return {
    dialect: 'postgres',
    async query(text, values) {
      // Prepared unless the application has forbidden it: a statement that is known takes one trip.
      const rows = await tx.unsafe<SqlRow[]>(text, [...values] as never[], { prepare: values.length > 0 })
      return sql.options.transform.column.from === undefined ? [...rows] : Array.from(rows, withNamesOfColumns)
    },
  }
}

/** The application may have its columns renamed, as with `postgres.camel`; those of Afterword are all in snake case. */
function withNamesOfColumns(row: SqlRow): SqlRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [snakeCase(name), value]))
}

function snakeCase(name: string): string {
  return name
    .replaceAll('-', '_')
    .replace(/(?<=.)(?<!_)[A-Z]/g, '_$&')
    .toLowerCase()
}

/** Whether it is what `sql.begin` calls back with. */
export function isPostgresJsTransaction(given: unknown): given is postgres.TransactionSql {
  return typeof given === 'function' && hasMethods(given, 'unsafe', 'savepoint')
}
