import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Connection, PoolConnection, ResultSetHeader } from 'mysql2/promise'
import type { SessionSql, SqlRow } from '../model/session.ts'
import { ENDED, transactionOver } from './transaction-over.ts'

/** The bit of a server's status that says that a transaction is open. */
const IN_TRANSACTION = 1
/** Of an error after which the server has rolled the transaction back. */
const DEADLOCK = 1213

type Send = (...args: readonly unknown[]) => Promise<unknown>

/** A connection that a session has out of a pool of mysql2, until its release. */
export class HeldMysql2Connection {
  readonly client: PoolConnection
  /** How statements get into its transaction. What they do to it is not looked at: one that makes a table ends it, for MySQL. */
  readonly sql: SessionSql
  readonly #library: string
  readonly #send: Send
  #running = 0
  /** One after another, as they are sent anyway: so something can come between two of them. */
  #last: Promise<unknown> = Promise.resolve()
  #hasBegun = false
  /** Why the transaction is over. */
  #why: string | undefined
  #isDead = false
  // Without a listener the loss of the connection would end the process; who queries learns of it by the query.
  readonly #onError = (): void => void (this.#isDead = true)

  /** @param library  who uses it, for errors. */
  constructor(client: PoolConnection, library: string) {
    this.client = client
    this.#library = library
    this.#send = client.query.bind(client) as Send
    const execute = client.execute.bind(client) as Send
    const unchecked = mysql2Sql(client)
    this.sql = {
      dialect: unchecked.dialect,
      query: (sql, values) => {
        this.checkTransaction()
        return unchecked.query(sql, values)
      },
    }
    Object.assign(client, {
      query: (...args: readonly unknown[]) => this.#follow(this.#send, args),
      execute: (...args: readonly unknown[]) => this.#follow(execute, args),
    })
    client.on('error', this.#onError)
  }

  /** Queries that have no answer yet. */
  get running(): number {
    return this.#running
  }

  /** Resolves when what runs has its answer. */
  async settled(): Promise<void> {
    await this.#last
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
    // The methods of the class show again.
    Reflect.deleteProperty(client, 'query')
    Reflect.deleteProperty(client, 'execute')
    if (broken || this.#isDead) {
      await severed(client)
      client.destroy()
    } else {
      client.removeListener('error', this.#onError)
      client.release()
    }
  }

  #follow(send: Send, args: readonly unknown[]): Promise<unknown> {
    this.#running++
    const answer = this.#last.then(() => send(...args))
    this.#last = answer.then(
      (result) => this.#answered(result),
      (error: unknown) => this.#failed(error),
    )
    return answer
  }

  #answered(result: unknown): void {
    this.#running--
    const status = Array.isArray(result) ? (result[0] as Partial<ResultSetHeader> | undefined)?.serverStatus : undefined
    if (typeof status !== 'number') return
    const isOpen = (status & IN_TRANSACTION) !== 0
    // The isolation level is set before the transaction begins.
    if (this.#hasBegun && !isOpen) this.#why ??= ENDED
    this.#hasBegun ||= isOpen
  }

  async #failed(error: unknown): Promise<void> {
    this.#running--
    if ((error as { errno?: unknown } | undefined)?.errno !== DEADLOCK) return
    this.#why ??= 'the server had rolled it back after a deadlock'
    // What comes now would be kept query by query: this takes it in, and is never committed.
    await this.#send('BEGIN').catch(() => undefined)
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
export function mysql2Sql(connection: Connection): SessionSql {
  const query = connection.query.bind(connection)
  return {
    dialect: 'mysql',
    async query(sql, values) {
      // The pool may be set to give rows as arrays.
      const [rows] = await query({ sql, values: [...values], rowsAsArray: false })
      return Array.isArray(rows) ? (rows as readonly SqlRow[]) : []
    },
  }
}
