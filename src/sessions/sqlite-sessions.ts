import type { OpenSession, SessionProvider, SessionSql } from '../model/session.ts'
import { beginWhenFree } from './begin-when-free.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { transactionOver } from './transaction-over.ts'
import { Turns } from './turns.ts'

/** What sessions of one connection are made of. */
export interface SqliteSessions<Handle extends object> {
  readonly library: string
  readonly transaction: boolean
  readonly outcomes: boolean
  readonly file: string | undefined
  /** What sessions work with; the turns belong to it. */
  readonly handle: Handle
  readonly connection: SqliteConnection
  /** A way into any open connection of the library; undefined for what is none of it. */
  sqlOf(given: unknown): SessionSql | undefined
}

/**
 * A provider of sessions on one connection. A transaction has the connection alone; without one (`transaction: false`)
 * sessions share it, but not with a transaction, whose end would decide about what they wrote.
 */
export function sqliteProvider<Handle extends object>(sessions: SqliteSessions<Handle>): SessionProvider<Handle> {
  const { library, transaction, outcomes, file, handle, connection } = sessions
  const turns = Turns.of(handle)
  const sql = sqlWithin(library, connection)
  return {
    library,
    transaction,
    outcomes,
    size: transaction ? 1 : undefined,
    single: true,
    file,
    async open() {
      if (!transaction) return { handle, commit() {}, rollback() {}, close: await turns.share() }
      const over = await turns.take()
      try {
        await beginWhenFree(connection)
      } catch (error) {
        over()
        throw error
      }
      return inTransaction(sessions, sql, over)
    },
    sqlOf: (given) => sessions.sqlOf(given),
  }
}

function inTransaction<Handle extends object>(
  { library, handle, connection }: SqliteSessions<Handle>,
  sql: SessionSql,
  close: () => void,
): OpenSession<Handle> {
  return {
    handle,
    sql,
    commit() {
      assertTransaction(library, connection)
      connection.commit()
    },
    rollback: () => connection.rollback(),
    close,
  }
}

/** Statements for the transaction that is open, and for nothing after it. */
function sqlWithin(library: string, connection: SqliteConnection): SessionSql {
  const { sql } = connection
  return {
    ...sql,
    query(statement, values) {
      assertTransaction(library, connection)
      return sql.query(statement, values)
    },
  }
}

function assertTransaction(library: string, connection: SqliteConnection): void {
  if (connection.isTransaction) return
  const why = connection.isOpen
    ? 'somebody has ended it, or an error for which SQLite takes back all of it'
    : 'the connection was closed'
  throw transactionOver(library, why)
}
