import type { ClientBase, PoolClient } from 'pg'
import { AfterwordError } from '../model/errors.ts'
import type { SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import { RunningCount } from './running-count.ts'
import { hasMethods } from './session-options.ts'

/** A client that a session has out of a pool of `pg`, from `connect` to its release. */
export class HeldPgClient {
  readonly client: PoolClient
  readonly #library: string
  readonly #running: RunningCount<'query'>
  readonly #release: PoolClient['release']
  #isDead = false
  // Without a listener the loss of the connection would end the process; who queries learns of it by the query.
  readonly #onError = (): void => void (this.#isDead = true)

  /** @param library  who uses it, for errors: `pg`, `drizzle`. */
  constructor(client: PoolClient, library: string) {
    this.client = client
    this.#library = library
    this.#running = new RunningCount(client, 'query')
    this.#release = client.release
    client.on('error', this.#onError)
    // A helper that releases what it was given would put a client into the pool whose transaction is open.
    client.release = () => {}
  }

  /** Queries that have no answer yet. */
  get running(): number {
    return this.#running.count
  }

  /** How statements get into its transaction; they are refused when somebody has ended it. */
  get sql(): SessionSql {
    const { dialect, query } = pgSql(this.client)
    return {
      dialect,
      query: (sql, values) => {
        this.#checkOpen()
        return query(sql, values)
      },
    }
  }

  /** Throws SESSION_TRANSACTION_OVER where a commit would keep nothing, or not all. */
  checkTransaction(): void {
    this.#checkOpen()
    if (statusOf(this.client) === 'E') throw this.#aborted()
  }

  /** Throws SESSION_TRANSACTION_OVER when the answer to a COMMIT was that everything was rolled back, which is no error for Postgres. */
  checkCommit(answer: unknown = this.#running.last): void {
    if ((answer as { command?: unknown } | undefined)?.command === 'ROLLBACK') throw this.#aborted()
  }

  /** Gives it back. The pool keeps it only when nothing is open on it and it still works. */
  close(broken: boolean): void {
    const { client } = this
    this.#running.release()
    client.removeListener('error', this.#onError)
    client.release = this.#release
    client.release(broken || this.#isDead || (statusOf(client) ?? 'I') !== 'I')
  }

  #checkOpen(): void {
    if (statusOf(this.client) !== 'I') return
    throw this.#over('somebody has ended it, and what came after it was kept query by query')
  }

  #aborted(): AfterwordError {
    return this.#over('a query in it had failed, and from then on Postgres takes back all of it')
  }

  #over(why: string): AfterwordError {
    return new AfterwordError('SESSION_TRANSACTION_OVER', { library: this.#library, why })
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
