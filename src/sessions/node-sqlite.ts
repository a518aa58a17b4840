import type { DatabaseSync } from 'node:sqlite'
import { AfterwordError } from '../model/errors.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { SessionProvider, SqlRow } from '../model/session.ts'
import { checkObject, SESSION_ENTRIES } from './session-options.ts'
import { SqliteConnection, type SqliteStatement } from './sqlite-connection.ts'
import { sqliteProvider } from './sqlite-sessions.ts'

/** The options of {@link nodeSqliteSession}. */
export const NODE_SQLITE_OPTIONS = optionTable(SESSION_ENTRIES)

/**
 * Sessions of `node:sqlite`: your connection for each in turn, with a transaction around it that writes from the beginning
 * (`BEGIN IMMEDIATE`). One connection holds one transaction at a time, so sessions wait for each other: keep them short, and
 * give them a connection that nothing else writes through, for that would become a part of whatever transaction is open.
 *
 * With the database in the file of the store, what an attempt writes and the end of the attempt are one transaction.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function nodeSqliteSession(
  database: DatabaseSync,
  options: OptionsGiven<typeof NODE_SQLITE_OPTIONS> = {},
): SessionProvider<DatabaseSync> {
  checkDatabaseSync('nodeSqliteSession', database)
  const { transaction, outcomes } = NODE_SQLITE_OPTIONS.parse('nodeSqliteSession', options)
  return sqliteProvider({
    library: 'node:sqlite',
    transaction,
    outcomes,
    file: fileOf(database),
    handle: database,
    connection: connectionOf(database),
    sqlOf: (given) => (isDatabaseSync(given) ? connectionOf(given).sql : undefined),
  })
}

/** For errors. */
export const DATABASE_SYNC = 'an open DatabaseSync of node:sqlite'

function checkDatabaseSync(where: string, given: DatabaseSync): void {
  checkObject(where, DATABASE_SYNC, given, 'prepare', 'exec', 'location')
  if (given.isOpen) return
  throw new AfterwordError('SESSION_WRONG_OBJECT', { where, expected: DATABASE_SYNC, got: 'one that is closed' })
}

/** The file of an open database; undefined in memory. */
export function fileOf(database: DatabaseSync): string | undefined {
  return database.location() ?? undefined
}

/** Whether it is a DatabaseSync, and open. */
export function isDatabaseSync(given: unknown): given is DatabaseSync {
  const database = given as Partial<DatabaseSync> | null
  return typeof database === 'object' && typeof database?.location === 'function' && database.isOpen === true
}

const connections = new WeakMap<DatabaseSync, SqliteConnection>()

function connectionOf(database: DatabaseSync): SqliteConnection {
  const known = connections.get(database)
  if (known !== undefined) return known
  const connection = new SqliteConnection({
    database,
    isOpen: () => database.isOpen,
    isTransaction: () => database.isTransaction,
    prepare: (sql) => prepare(database, sql),
    isFinalized: (error) => (error as { readonly code?: unknown }).code === 'ERR_INVALID_STATE',
  })
  connections.set(database, connection)
  return connection
}

function prepare(database: DatabaseSync, sql: string): SqliteStatement {
  const statement = database.prepare(sql)
  statement.setReturnArrays(false)
  statement.setReadBigInts(false)
  return (values): readonly SqlRow[] => statement.all(...values)
}
