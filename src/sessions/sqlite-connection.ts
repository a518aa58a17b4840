import type { DatabaseSync } from 'node:sqlite'
import type { SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import type { SqliteBeginning } from './begin-when-free.ts'

/** A prepared statement: runs with these values, gives the rows. */
export type SqliteStatement = (values: readonly SqlValue[]) => readonly SqlRow[]

/** What libraries without promises can do with one connection. */
export interface SqliteDriver {
  /** The connection, when it is one of `node:sqlite`. */
  readonly database?: DatabaseSync | undefined
  isOpen(): boolean
  isTransaction(): boolean
  /** Prepares a statement whose rows are objects and whose numbers are numbers, whatever the connection was made with. */
  prepare(sql: string): SqliteStatement
  /** Whether a statement was refused because it was prepared before the connection was closed and opened again. */
  isFinalized?(error: unknown): boolean
}

/** One connection of SQLite, with the few statements of ours prepared once. */
export class SqliteConnection implements SqliteBeginning {
  readonly sql: SessionSql
  readonly #driver: SqliteDriver
  readonly #statements = new Map<string, SqliteStatement>()
  /** A transaction of ours could not be ended: a statement was still running. */
  #isLeftOpen = false

  constructor(driver: SqliteDriver) {
    this.#driver = driver
    this.sql = { dialect: 'sqlite', database: driver.database, query: (sql, values) => this.#all(sql, values) }
  }

  get isOpen(): boolean {
    return this.#driver.isOpen()
  }

  get isTransaction(): boolean {
    return this.isOpen && this.#driver.isTransaction()
  }

  begin(): void {
    if (this.#isLeftOpen) this.rollback()
    this.#all('BEGIN IMMEDIATE')
  }

  commit(): void {
    this.#all('COMMIT')
  }

  /** Does nothing where no transaction is open: some errors have rolled back by themselves. */
  rollback(): void {
    this.#isLeftOpen = this.isTransaction
    if (!this.#isLeftOpen) return
    this.#all('ROLLBACK')
    this.#isLeftOpen = false
  }

  busyTimeoutMs(): number {
    return Number(this.#all('PRAGMA busy_timeout')[0]?.['timeout'])
  }

  setBusyTimeout(ms: number): void {
    this.#all(`PRAGMA busy_timeout = ${ms}`)
  }

  #all(sql: string, values: readonly SqlValue[] = []): readonly SqlRow[] {
    try {
      return this.#statement(sql)(values)
    } catch (error) {
      if (this.#driver.isFinalized?.(error) !== true) throw error
      this.#statements.clear()
      return this.#statement(sql)(values)
    }
  }

  #statement(sql: string): SqliteStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#driver.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
