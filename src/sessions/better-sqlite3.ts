import { resolve } from 'node:path'
import type { Database } from 'better-sqlite3'
import { AfterwordError } from '../model/errors.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { SessionProvider, SqlRow } from '../model/session.ts'
import { checkObject, SESSION_ENTRIES } from './session-options.ts'
import { SqliteConnection, type SqliteStatement } from './sqlite-connection.ts'
import { sqliteProvider } from './sqlite-sessions.ts'

/** The options of {@link betterSqlite3Session}. */
export const BETTER_SQLITE3_OPTIONS = optionTable(SESSION_ENTRIES)

/**
 * Sessions of better-sqlite3: your connection for each in turn, with a transaction around it that writes from the beginning
 * (`BEGIN IMMEDIATE`). One connection holds one transaction at a time, so sessions wait for each other: keep them short, and
 * give them a connection that nothing else writes through, for that would become a part of whatever transaction is open.
 *
 * Not for the file of an SQLite store, which is opened by `node:sqlite`: two copies of SQLite in one process lose data.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function betterSqlite3Session(
  database: Database,
  options: OptionsGiven<typeof BETTER_SQLITE3_OPTIONS> = {},
): SessionProvider<Database> {
  checkDatabase('betterSqlite3Session', database)
  const { transaction, outcomes } = BETTER_SQLITE3_OPTIONS.parse('betterSqlite3Session', options)
  return sqliteProvider({
    library: 'better-sqlite3',
    transaction,
    outcomes,
    file: database.memory ? undefined : resolve(database.name),
    handle: database,
    connection: connectionOf(database),
    sqlOf: (given) => (isDatabase(given) ? connectionOf(given).sql : undefined),
  })
}

const EXPECTED = 'an open Database of better-sqlite3'

function checkDatabase(where: string, given: Database): void {
  checkObject(where, EXPECTED, given, 'prepare', 'exec', 'pragma', 'transaction')
  if (given.open) return
  throw new AfterwordError('SESSION_WRONG_OBJECT', { where, expected: EXPECTED, got: 'one that is closed' })
}

function isDatabase(given: unknown): given is Database {
  const database = given as Partial<Database> | null
  return typeof database === 'object' && typeof database?.pragma === 'function' && database.inTransaction === true
}

const connections = new WeakMap<Database, SqliteConnection>()

function connectionOf(database: Database): SqliteConnection {
  const known = connections.get(database)
  if (known !== undefined) return known
  const connection = new SqliteConnection({
    isOpen: () => database.open,
    isTransaction: () => database.inTransaction,
    prepare: (sql) => prepare(database, sql),
  })
  connections.set(database, connection)
  return connection
}

function prepare(database: Database, sql: string): SqliteStatement {
  const statement = database.prepare<unknown[], SqlRow>(sql)
  // It refuses to ask a statement for rows that has none, such as COMMIT.
  if (!statement.reader) {
    return (values) => {
      statement.run(...values)
      return []
    }
  }
  statement.safeIntegers(false)
  return (values) => statement.all(...values)
}
