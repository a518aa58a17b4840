import type { DatabaseSync } from 'node:sqlite'
import type { SqliteBeginning } from './begin-when-free.ts'

/** The low byte of SQLite's result code. */
const SQLITE_BUSY = 5

/** An SQLite connection below a library that begins transactions in its own way. */
export interface SqliteBelow extends SqliteBeginning {
  isBusy(error: unknown): boolean
  exec(sql: string): unknown
  /** Whether a transaction is open: some errors end it. */
  isOpen(): boolean
}

/** As much of a connection of better-sqlite3 as is used here. */
export interface BetterSqlite3 {
  readonly inTransaction: boolean
  exec(sql: string): unknown
  pragma(source: string, options?: { readonly simple?: boolean }): unknown
}

/** The connection of better-sqlite3. */
export function betterSqlite3Below(database: BetterSqlite3): SqliteBelow {
  return {
    exec: (sql) => database.exec(sql),
    isOpen: () => database.inTransaction,
    begin: () => void database.exec('BEGIN IMMEDIATE'),
    isBusy: (error) => String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY'),
    busyTimeoutMs: () => Number(database.pragma('busy_timeout', { simple: true })),
    setBusyTimeout: (ms) => void database.pragma(`busy_timeout = ${ms}`),
  }
}

/** The connection of `node:sqlite`. */
export function nodeSqliteBelow(database: DatabaseSync): SqliteBelow {
  return {
    exec: (sql) => database.exec(sql),
    isOpen: () => database.isTransaction,
    begin: () => database.exec('BEGIN IMMEDIATE'),
    isBusy: (error) => ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY,
    busyTimeoutMs: () => (database.prepare('PRAGMA busy_timeout').get() as { timeout: number }).timeout,
    setBusyTimeout: (ms) => database.exec(`PRAGMA busy_timeout = ${ms}`),
  }
}
