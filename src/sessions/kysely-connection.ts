import type { CompiledQuery, DatabaseConnection, Kysely } from 'kysely'
import { AfterwordError } from '../model/errors.ts'
import type { SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import { endsTransaction } from './ending-statement.ts'
import { DEADLOCKED, isDeadlock, transactionOver } from './transaction-over.ts'

/** Statements for a database that Kysely speaks to, in its own terms; undefined for one that nobody here knows. */
export function dialectOf<DB>(db: Kysely<DB>): SessionSql['dialect'] | undefined {
  const probe = db as unknown as Kysely<{ a: { b: number } }>
  // How it quotes a name and writes a parameter tells it, whoever made the dialect.
  const { sql } = probe.withoutPlugins().selectFrom('a').select('b').where('b', '=', 1).compile()
  if (sql.includes('`')) return 'mysql'
  if (sql.includes('$1')) return 'postgres'
  return sql.includes('?') ? 'sqlite' : undefined
}

/** A statement of ours. Kysely compiles nothing of it. */
export function compiled(sql: string, values: readonly SqlValue[] = []): CompiledQuery<SqlRow> {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] } as const
  return { sql, parameters: values, query, queryId: OURS }
}

const OURS = { queryId: 'afterword' }

/**
 * The connection of one session, watched until `release`: how many queries have no answer yet, and, while a transaction is
 * locked, that no statement ends it and whether it is still there.
 */
export class WatchedConnection {
  readonly #connection: DatabaseConnection
  readonly #own: { readonly execute: PropertyDescriptor | undefined; readonly stream: PropertyDescriptor | undefined }
  readonly #dialect: SessionSql['dialect'] | undefined
  #running = 0
  #isLocked = false
  #isTakenBack = false
  #isReleased = false

  constructor(connection: DatabaseConnection, dialect: SessionSql['dialect'] | undefined) {
    this.#connection = connection
    this.#dialect = dialect
    // Kysely's log is such a property.
    this.#own = {
      execute: Object.getOwnPropertyDescriptor(connection, 'executeQuery'),
      stream: Object.getOwnPropertyDescriptor(connection, 'streamQuery'),
    }
    const execute = connection.executeQuery.bind(connection)
    const stream = connection.streamQuery.bind(connection)
    connection.executeQuery = (query, ...rest) => this.#follow(query, () => execute(query, ...rest))
    connection.streamQuery = (query, ...rest) => this.#drain(query, () => stream(query, ...rest))
  }

  /** The connection that a bound Kysely has. */
  static async of<DB>(bound: Kysely<DB>, dialect: SessionSql['dialect'] | undefined): Promise<WatchedConnection> {
    return bound.getExecutor().provideConnection(async (connection) => new WatchedConnection(connection, dialect))
  }

  /** Queries that have no answer yet. A stream that was not read to its end is one. */
  get running(): number {
    return this.#running
  }

  /** Runs a statement of ours, past the plugins of the application. */
  async run(sql: string): Promise<readonly SqlRow[]> {
    return (await this.#connection.executeQuery<SqlRow>(compiled(sql))).rows
  }

  /** Throws SESSION_TRANSACTION_OVER when the next statement would be no part of the transaction. */
  checkTransaction(): void {
    if (this.#isTakenBack) throw transactionOver('kysely', DEADLOCKED)
  }

  /** Refuses statements that end the transaction, as long as `body` takes. */
  async locked(body: () => Promise<void>): Promise<void> {
    this.#isLocked = true
    try {
      await body()
    } finally {
      this.#isLocked = false
    }
  }

  /** Has the server, or the socket, end what it is doing, unless that is over. Nobody waits for it. */
  kill<DB>(db: Kysely<DB>): void {
    if (this.#isReleased) return
    const connection = this.#connection
    const another = (consumer: (connection: DatabaseConnection) => Promise<void>): Promise<void> =>
      db.getExecutor().provideConnection(consumer)
    const killed = async (): Promise<void> => {
      await connection.collectSessionInfo?.()
      await connection.killSession?.(another)
    }
    killed().catch(() => undefined)
  }

  /** Makes the connection what it was. */
  release(): void {
    this.#isReleased = true
    restore(this.#connection, 'executeQuery', this.#own.execute)
    restore(this.#connection, 'streamQuery', this.#own.stream)
  }

  async #follow<T>(query: CompiledQuery, execute: () => Promise<T>): Promise<T> {
    this.#check(query)
    this.#running++
    try {
      return await execute()
    } catch (error) {
      this.#isTakenBack ||= isDeadlock(error)
      throw error
    } finally {
      this.#running--
    }
  }

  async *#drain<T>(query: CompiledQuery, stream: () => AsyncIterableIterator<T>): AsyncIterableIterator<T> {
    this.#check(query)
    this.#running++
    try {
      yield* stream()
    } finally {
      this.#running--
    }
  }

  #check({ sql, queryId }: CompiledQuery): void {
    if (!this.#isLocked) return
    this.checkTransaction()
    // Afterword makes the table of outcomes in a session of its own.
    if (queryId === OURS || !endsTransaction(sql, this.#dialect)) return
    throw new AfterwordError('SESSION_END_REFUSED', { library: 'kysely', used: `"${sql.trim()}"` })
  }
}

function restore(target: object, name: string, own: PropertyDescriptor | undefined): void {
  if (own === undefined) Reflect.deleteProperty(target, name)
  else Object.defineProperty(target, name, own)
}
