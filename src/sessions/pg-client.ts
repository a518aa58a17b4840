import type { ClientBase, PoolClient, QueryResult } from 'pg'
import type { SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import { RunningCount } from './running-count.ts'
import { hasMethods } from './session-options.ts'
import { ABORTED, ENDED, explainedByPostgres, transactionOver } from './transaction-over.ts'

/** A client that a session has out of a pool of `pg`, from `connect` to its release. */
export class HeldPgClient {
  readonly client: PoolClient
  readonly #library: string
  readonly #running: RunningCount<'query'>
  readonly #release: PoolClient['release']
  #isDead = false
  #lastAnswer: unknown
  // Without a listener the loss of the connection would end the process; who queries learns of it by the query.
  readonly #onError = (): void => void (this.#isDead = true)

  /** @param library  who uses it, for errors: `pg`, `drizzle`. */
  constructor(client: PoolClient, library: string) {
    this.client = client
    this.#library = library
    this.#running = new RunningCount(client, 'query', (answer) => (this.#lastAnswer = answer))
    this.#release = client.release.bind(client)
    client.on('error', this.#onError)
    // A helper that releases what it was given would put a client into the pool whose transaction is open.
    client.release = () => {}
  }

  /** Queries that have no answer yet. */
  get running(): number {
    return this.#running.count
  }

  /** How statements get into its transaction; refused, as a commit is, when it is over. */
  get sql(): SessionSql {
    return { dialect: 'postgres', query: async (sql, values) => (await this.#send<SqlRow>(sql, [...values])).rows }
  }

  /** Commits. Throws SESSION_TRANSACTION_OVER where that keeps nothing, or not all. */
  async commit(): Promise<void> {
    this.checkTransaction()
    this.checkCommit(await this.client.query('COMMIT'))
  }

  /** Commits with a last statement in the same message: where that fails, the server does not look at what comes after it. */
  async commitWith(sql: string, values: readonly SqlValue[]): Promise<void> {
    const answers: unknown = await this.#send(`${inlined(this.client, sql, values)};COMMIT`)
    this.checkCommit((answers as readonly unknown[]).at(-1))
  }

  /** Resolves when what runs has its answer: pg is about to refuse queries that would have to wait for another. */
  async settled(): Promise<void> {
    await this.#running.settled()
  }

  /** Rolls back, after what is running. */
  async rollback(): Promise<void> {
    await this.settled()
    await this.client.query('ROLLBACK')
  }

  /** Throws SESSION_TRANSACTION_OVER where a commit would keep nothing, or not all. */
  checkTransaction(): void {
    const status = statusOf(this.client)
    if (status === 'I') throw transactionOver(this.#library, ENDED)
    if (status === 'E') throw transactionOver(this.#library, ABORTED)
  }

  /** Throws SESSION_TRANSACTION_OVER when the answer to a COMMIT was that everything was rolled back, which is no error for Postgres. */
  checkCommit(answer: unknown = this.#lastAnswer): void {
    const { command } = (answer ?? {}) as { readonly command?: unknown }
    if (command === 'ROLLBACK') throw transactionOver(this.#library, ABORTED)
  }

  /** Gives it back. The pool keeps it only when nothing is open on it and it still works. */
  close(broken: boolean): void {
    const { client } = this
    this.#running.release()
    client.removeListener('error', this.#onError)
    client.release = this.#release
    client.release(broken || this.#isDead || (statusOf(client) ?? 'I') !== 'I')
  }

  async #send<Row extends SqlRow>(sql: string, values?: SqlValue[]): Promise<QueryResult<Row>> {
    this.checkTransaction()
    try {
      return await this.client.query<Row>(sql, values)
    } catch (error) {
      // That a query failed is known by its error before it is known by the status.
      throw explainedByPostgres(this.#library, error)
    }
  }
}

/** How statements get to the server over a client of `pg`. */
export function pgSql(client: Pick<ClientBase, 'query'>): SessionSql {
  return {
    dialect: 'postgres',
    query: async (sql, values) => (await client.query<SqlRow>(sql, [...values])).rows,
  }
}

/** The statement with its values in it, for a message of several statements, in which there are no placeholders. */
export function inlined(client: Pick<ClientBase, 'escapeLiteral'>, sql: string, values: readonly SqlValue[]): string {
  return sql.replace(/\$(\d+)/g, (_, index: string) => {
    const value = values[Number(index) - 1] ?? null
    // Quoted, a number is of the type that its place asks for, as a placeholder would be.
    return value === null ? 'NULL' : client.escapeLiteral(String(value))
  })
}

/** Whether it is a client of `pg`, out of a pool or not, with a transaction open on it as far as it can tell. */
export function isPgTransaction(given: unknown): given is ClientBase {
  // The clients of other libraries have `query` and `release` too.
  if (!hasMethods(given, 'query', 'escapeLiteral', 'getTypeParser')) return false
  return statusOf(given as ClientBase) !== 'I'
}

/** `I`: no transaction, `T`: one is open, `E`: one is open and has failed. Older releases of `pg` do not tell. */
function statusOf(client: ClientBase): string | undefined {
  const { getTransactionStatus } = client as Partial<Pick<ClientBase, 'getTransactionStatus'>>
  return getTransactionStatus?.call(client) ?? undefined
}
