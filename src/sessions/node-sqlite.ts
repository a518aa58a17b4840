import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { optionTable } from '../model/option-table.ts'
import type { OptionsGiven } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql } from '../model/session.ts'
import { beginWhenFree, type SqliteBeginning } from './begin-when-free.ts'
import { checkObject, SESSION_ENTRIES } from './session-options.ts'
import { Turns } from './turns.ts'

/** The options of {@link nodeSqliteSession}. */
export const NODE_SQLITE_OPTIONS = optionTable(SESSION_ENTRIES)

/** The low byte of SQLite's result code. */
const SQLITE_BUSY = 5

/** Whose turn it is, by connection: several providers of one connection wait for each other. */
const turnsOf = new WeakMap<DatabaseSync, Turns>()

/**
 * Sessions of `node:sqlite`: your connection for each in turn, with a transaction around it that writes from the beginning
 * (`BEGIN IMMEDIATE`). One connection holds one transaction at a time, so sessions wait for each other: keep them short.
 *
 * With the database in the file of the store, what an attempt writes and the end of the attempt are one transaction.
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function nodeSqliteSession(
  database: DatabaseSync,
  options: OptionsGiven<typeof NODE_SQLITE_OPTIONS> = {},
): SessionProvider<DatabaseSync> {
  checkObject('nodeSqliteSession', 'a DatabaseSync of node:sqlite', database, 'prepare', 'exec', 'location')
  const { transaction, outcomes } = NODE_SQLITE_OPTIONS.parse('nodeSqliteSession', options)
  const turns = turnsOf.get(database) ?? new Turns()
  turnsOf.set(database, turns)
  const beginning = beginningOf(database)
  const sql = nodeSqliteSql(database)
  return {
    library: 'node:sqlite',
    transaction,
    outcomes,
    size: 1,
    single: true,
    file: database.location() ?? undefined,
    async open() {
      if (!transaction) return { handle: database, commit() {}, rollback() {}, close() {} }
      const over = await turns.take()
      try {
        await beginWhenFree(beginning)
      } catch (error) {
        over()
        throw error
      }
      return openNodeSqlite(database, sql, over)
    },
    sqlOf: (given) => (given === database ? sql : undefined),
  }
}

function beginningOf(database: DatabaseSync): SqliteBeginning {
  return {
    begin: () => database.exec('BEGIN IMMEDIATE'),
    isBusy: (error) => ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY,
    busyTimeoutMs: () => (database.prepare('PRAGMA busy_timeout').get() as { timeout: number }).timeout,
    setBusyTimeout: (ms) => database.exec(`PRAGMA busy_timeout = ${ms}`),
  }
}

function openNodeSqlite(database: DatabaseSync, sql: SessionSql, over: () => void): OpenSession<DatabaseSync> {
  return {
    handle: database,
    sql,
    commit: () => database.exec('COMMIT'),
    rollback() {
      // Some errors have rolled back by themselves.
      if (database.isTransaction) database.exec('ROLLBACK')
    },
    close: over,
  }
}

/** How statements get into a transaction of `node:sqlite`. */
export function nodeSqliteSql(database: DatabaseSync): SessionSql {
  // Of Afterword's own, which are few.
  const prepared = new Map<string, StatementSync>()
  const statementOf = (sql: string): StatementSync => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    prepared.set(sql, statement)
    return statement
  }
  return {
    dialect: 'sqlite',
    database,
    query(sql, values) {
      const statement = statementOf(sql)
      try {
        return statement.all(...values)
      } catch (error) {
        // Closing the database ends its statements, and it can be opened again.
        if ((error as { code?: unknown }).code !== 'ERR_INVALID_STATE') throw error
        prepared.clear()
        return statementOf(sql).all(...values)
      }
    },
  }
}
