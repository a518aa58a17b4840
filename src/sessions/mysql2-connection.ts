import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Connection, PoolConnection, ResultSetHeader } from 'mysql2/promise'
import type { SessionSql, SqlRow } from '../model/session.ts'
import { RunningCount } from './running-count.ts'
import { ENDED, transactionOver } from './transaction-over.ts'

/** The bit of a server's status that says that a transaction is open. */
const IN_TRANSACTION = 1
/** After a deadlock the transaction is rolled back, and what follows is kept query by query. */
const DEADLOCK = 1213

/** A connection that a session has out of a pool of mysql2, until its release. */
export class HeldMysql2Connection {
  readonly client: PoolConnection
  /** How statements get into its transaction. What they do to it is not looked at: one that makes a table ends it, for MySQL. */
  readonly sql: SessionSql
  readonly #library: string
  readonly #running: readonly RunningCount<'query' | 'execute'>[]
  #hasBegun = false
  #why: string | undefined
  #isDead = false
  // Without a listener the loss of the connection would end the process; who queries learns of it by the query.
  readonly #onError = (): void => void (this.#isDead = true)

  /** @param library  who uses it, for errors. */
  constructor(connection: PoolConnection, library: string) {
    this.client = connection
    this.#library = library
    const { dialect, query } = mysql2Sql(connection, connection.query.bind(connection))
    this.sql = {
      dialect,
      query: (sql, values) => {
        this.checkTransaction()
        return query(sql, values)
      },
    }
    const answered = (answer: unknown): void => this.#answered(answer)
    this.#running = [
      new RunningCount<'query'>(connection, 'query', answered),
      new RunningCount<'execute'>(connection, 'execute', answered),
    ]
    connection.on('error', this.#onError)
  }

  /** Queries that have no answer yet. */
  get running(): number {
    return this.#running.reduce((sum, { count }) => sum + count, 0)
  }

  /** Throws SESSION_TRANSACTION_OVER where a commit would keep nothing, or not all. */
  checkTransaction(): void {
    if (this.#why !== undefined) throw transactionOver(this.#library, this.#why)
  }

  /** A COMMIT that fails is an error here. */
  checkCommit(): void {}

  /** Gives it back. The pool keeps it only when it still works. */
  async close(broken: boolean): Promise<void> {
    const { client } = this
    for (const running of this.#running) running.release()
    if (broken || this.#isDead) {
      await severed(client)
      client.destroy()
    } else {
      client.removeListener('error', this.#onError)
      client.release()
    }
  }

  #answered(answer: unknown): void {
    const { errno } = answer as { readonly errno?: unknown }
    if (errno === DEADLOCK) this.#why = 'the server had rolled it back after a deadlock'
    const status = Array.isArray(answer) ? (answer[0] as Partial<ResultSetHeader> | undefined)?.serverStatus : undefined
    if (typeof status !== 'number') return
    // The isolation level is set before the transaction begins.
    const isOpen = (status & IN_TRANSACTION) !== 0
    if (this.#hasBegun && !isOpen) this.#why ??= ENDED
    this.#hasBegun ||= isOpen
  }
}

/** Closes the socket, so that queries reject: `destroy` alone waits for the server to answer them. */
async function severed(client: PoolConnection): Promise<void> {
  const { stream } = client.connection as unknown as { readonly stream: Socket }
  if (stream.closed) return
  const closed = once(stream, 'close')
  stream.destroy()
  await closed
}

/** How statements get to the server over a connection of mysql2. */
export function mysql2Sql(
  connection: Connection,
  query: Connection['query'] = connection.query.bind(connection),
): SessionSql {
  return {
    dialect: 'mysql',
    async query(sql, values) {
      // The pool may be set to give rows as arrays.
      const [rows] = await query({ sql, values: [...values], rowsAsArray: false })
      return Array.isArray(rows) ? (rows as readonly SqlRow[]) : []
    },
  }
}
