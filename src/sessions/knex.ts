import { resolve } from 'node:path'
import type { Knex } from 'knex'
import { AfterwordError } from '../model/errors.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql } from '../model/session.ts'
import { writeWhenFree } from './begin-when-free.ts'
import { clientOf, DISPOSED, dialectOf, type KnexClient, type KnexConnection, runIn } from './knex-client.ts'
import { WatchedTransaction } from './knex-watch.ts'
import { checkObject, isolation, SESSION_ENTRIES } from './session-options.ts'

/** What a session of Knex is to work with: a transaction, whose end is not yours to decide. */
export type KnexSession = Omit<Knex.Transaction, 'commit' | 'rollback'> & Knex

/** The options of {@link knexSession}. */
export const KNEX_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: {
    is: isolation,
    default: undefined,
    says: "The isolation level. By default the database's; SQLite has but one.",
  },
})

type Given = OptionsGiven<typeof KNEX_OPTIONS>

/**
 * Sessions of Knex: a connection of its pool for each, with a transaction around it.
 *
 * ```ts
 * createBackground({ sessions: { db: knexSession(knex) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db('charge').insert({ … })
 * ```
 *
 * With `transaction: false` a session is the Knex itself: each query takes a connection of the pool.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function knexSession(knex: Knex, options: Given & { readonly transaction: false }): SessionProvider<Knex>
export function knexSession(knex: Knex, options?: Given): SessionProvider<KnexSession>
export function knexSession(knex: Knex, options: Given = {}): SessionProvider<Knex> {
  checkKnex(knex)
  const { transaction, outcomes, isolation: isolationLevel } = KNEX_OPTIONS.parse('knexSession', options)
  const client = clientOf(knex)
  const dialect = dialectOf(client)
  return {
    library: 'knex',
    transaction,
    outcomes,
    size: transaction ? sizeOf(client) : undefined,
    single: dialect === 'sqlite',
    file: dialect === 'sqlite' ? fileOf(client) : undefined,
    open() {
      if (!transaction) return { handle: knex, commit() {}, rollback() {}, close() {} }
      const isLeveled = isolationLevel !== undefined && dialect !== 'sqlite'
      return openKnex(knex, isLeveled ? { isolationLevel } : {})
    },
    sqlOf: (given) => (isTransactionOf(client, given) ? sqlFor(clientOf(given)) : undefined),
  }
}

async function openKnex(knex: Knex, config: Knex.TransactionConfig): Promise<OpenSession<Knex.Transaction>> {
  const transaction = await knex.transaction(config)
  // Knex gives a transaction also when its BEGIN has failed, and tells why there.
  if (transaction.isCompleted()) await transaction.executionPromise
  const client = clientOf(transaction)
  const connection = await client.acquireConnection()
  if (dialectOf(client) === 'sqlite') await writeOrEnd(transaction)
  const watched = new WatchedTransaction(transaction)
  return {
    handle: transaction,
    sql: watched.sql,
    running: () => watched.running,
    commit: () => watched.commit(),
    rollback: () => watched.rollback(),
    close(broken) {
      if (broken && !watched.isOver) giveUp(clientOf(knex), connection)
    },
  }
}

async function writeOrEnd(transaction: Knex.Transaction): Promise<void> {
  try {
    await writeWhenFree((sql) => runIn(clientOf(transaction), sql))
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

/** Nobody uses the connection again. Whatever it is doing fails, and with it the transaction, which gives it back to the pool. */
function giveUp(client: KnexClient, connection: KnexConnection): void {
  // An SQLite connection waits for nobody, and in memory it is the database.
  if (dialectOf(client) === 'sqlite') return
  connection[DISPOSED] ??= 'given up by Afterword'
  if (connection.destroy !== undefined) connection.destroy()
  else client.destroyRawConnection(connection).catch(() => undefined)
}

function sqlFor(client: KnexClient): SessionSql | undefined {
  const dialect = dialectOf(client)
  return dialect === undefined ? undefined : { dialect, query: (sql, values) => runIn(client, sql, values) }
}

function checkKnex(given: Knex): void {
  const expected = 'a Knex, not a transaction of it'
  checkObject('knexSession', expected, given, 'raw', 'transaction', 'queryBuilder')
  if (given.isTransaction !== true) return
  throw new AfterwordError('SESSION_WRONG_OBJECT', { where: 'knexSession', expected, got: 'a transaction' })
}

/** Whether it is an open transaction of the same database, also from a copy of the Knex with other `userParams`. */
function isTransactionOf({ config }: KnexClient, given: unknown): given is Knex.Transaction {
  const transaction = given as Knex.Transaction
  if (typeof given !== 'function' || transaction.isTransaction !== true || transaction.isCompleted()) return false
  const other = clientOf(transaction).config
  return other.connection === config.connection && other.connectionPool === config.connectionPool
}

/** The pool is Knex's own or one that the application has brought. */
function sizeOf({ pool, config }: KnexClient): number | undefined {
  const brought = config.connectionPool as { readonly options?: { readonly max?: number } } | undefined
  return pool?.max ?? brought?.options?.max
}

function fileOf({ connectionSettings: { filename } }: KnexClient): string | undefined {
  return filename === undefined || filename === '' || filename === ':memory:' ? undefined : resolve(filename)
}
