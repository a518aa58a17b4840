import type { DatabaseSync } from 'node:sqlite'
import type { Kysely, SqliteDatabase, Transaction } from 'kysely'
import { AfterwordError } from '../model/errors.ts'
import { custom } from '../model/option-kinds.ts'
import { type OptionsGiven, type OptionsRead, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql } from '../model/session.ts'
import { writeWhenFree } from './begin-when-free.ts'
import { openByCallback } from './by-callback.ts'
import { compiled, dialectOf, WatchedConnection } from './kysely-connection.ts'
import { isPool, type KyselyPool, outliveConnections, sizeOf } from './kysely-pool.ts'
import { DATABASE_SYNC, fileOf, isDatabaseSync } from './node-sqlite.ts'
import { checkObject, isolation, SESSION_ENTRIES } from './session-options.ts'
import { Turns } from './turns.ts'

/** The options of {@link kyselySession}. */
export const KYSELY_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: { is: isolation, default: undefined, says: "The isolation level. By default the database's." },
  database: {
    is: custom(DATABASE_SYNC, isDatabaseSync),
    default: undefined,
    says: 'The connection below the dialect, where it is one of `node:sqlite`: with it the tasks can be in the same file.',
  },
  pool: {
    is: custom<KyselyPool>('the Pool of pg or mysql2 below the dialect', isPool),
    default: undefined,
    says: 'The pool below the dialect, of `pg` or `mysql2`: its size is known then, and a connection of `pg` that is lost in the middle of a session does not end the process.',
  },
})

type Given = OptionsGiven<typeof KYSELY_OPTIONS>

/**
 * Sessions of Kysely: a connection of its pool for each, with a transaction around it. The transaction has no `commit`: it
 * ends when its owner does, and a `commit` as raw SQL is refused.
 *
 * ```ts
 * createBackground({ sessions: { db: kyselySession(db) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db.insertInto('charge').values({ … }).execute()
 * ```
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function kyselySession<DB>(
  db: Kysely<DB>,
  options: Given & { readonly transaction: false },
): SessionProvider<Kysely<DB>>
export function kyselySession<DB>(db: Kysely<DB>, options?: Given): SessionProvider<Transaction<DB>>
export function kyselySession<DB>(db: Kysely<DB>, options: Given = {}): SessionProvider<Kysely<DB>> {
  checkKysely(db)
  const read = KYSELY_OPTIONS.parse('kyselySession', options)
  const { transaction, outcomes, database, pool } = read
  if (pool !== undefined) outliveConnections(pool)
  const isSingle = db.getExecutor().adapter.supportsMultipleConnections === false
  const site: Site<DB> = { db, read, dialect: dialectOf(db) }
  return {
    library: 'kysely',
    transaction,
    outcomes,
    size: isSingle ? 1 : sizeOf(pool),
    single: isSingle,
    file: database === undefined ? undefined : fileOf(database),
    sqlite: database === undefined ? 'other' : 'node',
    async open() {
      const over = database === undefined ? () => {} : await Turns.of(database).take()
      try {
        return await openKysely(site, over)
      } catch (error) {
        over()
        throw error
      }
    },
    sqlOf: (given) => (isTransactionOf(db, given) ? sqlFor(site, given) : undefined),
  }
}

/**
 * A connection of `node:sqlite` as Kysely's `SqliteDialect` wants it. Give `kyselySession` the same connection as its option
 * `database`, so that tasks and data can be in one file:
 *
 * ```ts
 * const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqliteDatabase(database) }) })
 * const sessions = { db: kyselySession(db, { database }) }
 * ```
 */
export function nodeSqliteDatabase(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql)
      type Values = Parameters<typeof statement.all>
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...(values as Values)),
        run: (values) => statement.run(...(values as Values)),
        iterate: (values) => statement.iterate(...(values as Values)),
      }
    },
  }
}

/** What the sessions of one provider have in common. */
interface Site<DB> {
  readonly db: Kysely<DB>
  readonly read: OptionsRead<typeof KYSELY_OPTIONS>
  readonly dialect: SessionSql['dialect'] | undefined
}

/** What the callbacks of Kysely are given, as long as they last. */
interface Bound<DB> {
  readonly handle: Kysely<DB>
  readonly watched: WatchedConnection
}

async function openKysely<DB>(site: Site<DB>, over: () => void): Promise<OpenSession<Kysely<DB>>> {
  const { db, read } = site
  const run = (body: (bound: Bound<DB>) => Promise<void>): Promise<void> =>
    db.connection().execute(async (handle) => {
      const watched = await WatchedConnection.of(handle, site.dialect)
      try {
        await (read.transaction ? inTransaction(site, { handle, watched }, body) : body({ handle, watched }))
      } finally {
        watched.release()
      }
    })
  const session = await openByCallback(run, ({ handle, watched }: Bound<DB>) => ({
    handle,
    sql: sqlFor(site, handle),
    running: () => watched.running,
    close(broken: boolean) {
      if (broken) watched.kill(db)
      over()
    },
  }))
  return read.transaction ? session : withoutTransaction(session)
}

async function inTransaction<DB>(
  { dialect, read }: Site<DB>,
  { handle, watched }: Bound<DB>,
  body: (bound: Bound<DB>) => Promise<void>,
): Promise<void> {
  const begun = handle.transaction()
  const builder = read.isolation === undefined ? begun : begun.setIsolationLevel(read.isolation)
  await builder.execute(async (transaction) => {
    if (dialect === 'sqlite') await writeWhenFree((sql) => watched.run(sql))
    await watched.locked(() => body({ handle: transaction, watched }))
    watched.checkTransaction()
  })
}

/** The callback lasts until the session is closed. */
function withoutTransaction<Handle>(session: OpenSession<Handle>): OpenSession<Handle> {
  return {
    ...session,
    sql: undefined,
    commit() {},
    rollback() {},
    async close(broken) {
      const ended = Promise.try(() => session.commit())
      await session.close(broken)
      if (broken) ended.catch(() => undefined)
      else await ended
    },
  }
}

/** How statements get to where a Kysely leads; past the plugins of the application, which may rename what they see. */
function sqlFor<DB>({ dialect, read }: Site<DB>, handle: Kysely<DB>): SessionSql | undefined {
  if (dialect === undefined) return undefined
  const plain = handle.withoutPlugins()
  return {
    dialect,
    database: read.database,
    query: async (sql, values) => (await plain.executeQuery(compiled(sql, values))).rows,
  }
}

function checkKysely<DB>(given: Kysely<DB>): void {
  const expected = 'a Kysely, not a transaction of it'
  checkObject('kyselySession', expected, given, 'connection', 'selectFrom', 'getExecutor')
  if (!given.isTransaction) return
  throw new AfterwordError('SESSION_WRONG_OBJECT', { where: 'kyselySession', expected, got: 'a transaction' })
}

/** Whether it is an open transaction of the same database: what derives from one Kysely shares its adapter. */
function isTransactionOf<DB>(db: Kysely<DB>, given: unknown): given is Transaction<DB> {
  const transaction = given as (Partial<Transaction<DB>> & { isCommitted?: boolean; isRolledBack?: boolean }) | null
  if (typeof transaction !== 'object' || transaction?.isTransaction !== true) return false
  const isOver = transaction.isCommitted === true || transaction.isRolledBack === true
  return !isOver && transaction.getExecutor?.().adapter === db.getExecutor().adapter
}
