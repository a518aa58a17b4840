import type { EventEmitter } from 'node:events'
import type { Knex } from 'knex'
import { AfterwordError } from '../model/errors.ts'
import type { SessionSql } from '../model/session.ts'
import { endsTransaction } from './ending-statement.ts'
import {
  clientOf,
  dialectOf,
  type KnexAnswer,
  type KnexClient,
  type KnexNested,
  type KnexRunner,
  runIn,
} from './knex-client.ts'
import { ABORTED, DEADLOCKED, ENDED, isDeadlock, transactionOver } from './transaction-over.ts'
import { Turns } from './turns.ts'

/** The bit of MySQL's status that says that a transaction is open. */
const IN_TRANSACTION = 1

/**
 * A transaction of Knex that was begun for a session, watched as long as it lasts: how many queries have no answer yet, that
 * nothing but the session ends it, and whether it is still there. It changes the transaction and those inside of it, which are
 * of this session alone.
 */
export class WatchedTransaction {
  readonly transaction: Knex.Transaction
  /** How statements of Afterword get into it. What they do to it is not looked at: one that makes a table ends it, for MySQL. */
  readonly sql: SessionSql | undefined
  readonly #dialect: SessionSql['dialect'] | undefined
  readonly #commit: () => unknown
  readonly #rollback: () => unknown
  readonly #nested = new Set<KnexNested>()
  readonly #turns = new Turns()
  #running = 0
  #isOver = false
  /** Why the transaction is not there any more, although nobody has ended it by Knex. */
  #why: string | undefined

  constructor(transaction: Knex.Transaction) {
    const client = clientOf(transaction)
    this.transaction = transaction
    this.#dialect = dialectOf(client)
    this.sql = this.#sqlOf(client)
    this.#commit = transaction.commit.bind(transaction)
    this.#rollback = transaction.rollback.bind(transaction)
    transaction.commit = function commit() {
      throw refusal('.commit', commit)
    }
    transaction.rollback = function rollback() {
      throw refusal('.rollback', rollback)
    }
    this.#watch(client)
    const over = (): void => void (this.#isOver = true)
    transaction.executionPromise.then(over, over)
  }

  /** Queries that have no answer yet; a transaction inside of it that is not over counts as one. */
  get running(): number {
    for (const nested of this.#nested) if (nested.isCompleted()) this.#nested.delete(nested)
    return this.#running + this.#nested.size
  }

  /** Whether it has ended, one way or another: its connection is, or is about to be, back in the pool. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** @throws what the database says; SESSION_TRANSACTION_OVER where a commit would keep nothing, or not all. */
  async commit(): Promise<void> {
    this.#check()
    const answer = (await this.#commit()) as { readonly response?: { readonly command?: unknown } } | undefined
    // That answer comes also when the commit has failed; this one rejects then.
    await this.transaction.executionPromise
    if (answer?.response?.command === 'ROLLBACK') throw transactionOver('knex', ABORTED)
  }

  /** Does nothing where nothing is open any more: after a commit that failed. */
  async rollback(): Promise<void> {
    if (this.transaction.isCompleted()) return
    await this.#rollback()
    await this.transaction.executionPromise
  }

  #sqlOf(client: KnexClient): SessionSql | undefined {
    const query = client.query.bind(client)
    const plain = Object.create(client, { query: { value: query } }) as KnexClient
    return (
      this.#dialect && {
        dialect: this.#dialect,
        query: async (sql, values) => {
          this.#check()
          return runIn(plain, sql, values)
        },
      }
    )
  }

  #watch(client: KnexClient): void {
    const runnerOf = client.runner.bind(client)
    const query = client.query.bind(client)
    const begin = client.transaction.bind(client)
    client.runner = (builder) => this.#watchRunner(runnerOf(builder))
    client.query = (connection, given) => this.#send(given, () => query(connection, given))
    // All that begins a transaction inside of this one comes here. Each has a client of its own.
    client.transaction = (container, ...rest) => {
      const watched: typeof container = (inner) => {
        this.#watch(clientOf(inner))
        return container(inner)
      }
      const nested = begin(watched, ...rest)
      this.#nested.add(nested)
      return nested
    }
  }

  async #send(given: unknown, query: () => Promise<KnexAnswer | undefined>): Promise<KnexAnswer | undefined> {
    // Those of Knex itself begin and end transactions. It has them sent before it notes that, so they wait for nothing.
    if (typeof given === 'string') return query()
    const { sql } = given as { readonly sql?: string }
    if (sql !== undefined && endsTransaction(sql, this.#dialect)) throw refusal(`"${sql.trim()}"`)
    return this.#dialect === 'mysql' ? this.#sendInTurn(query) : query()
  }

  /** MySQL takes a transaction back after a deadlock, and keeps what comes after it query by query: so each waits for the one before. */
  async #sendInTurn(query: () => Promise<KnexAnswer | undefined>): Promise<KnexAnswer | undefined> {
    const over = await this.#turns.take()
    try {
      this.#check()
      const answer = await query()
      if (hasEnded(answer)) this.#why = ENDED
      return answer
    } catch (error) {
      if (isDeadlock(error)) this.#why = DEADLOCKED
      throw error
    } finally {
      over()
    }
  }

  #check(): void {
    if (this.#why !== undefined) throw transactionOver('knex', this.#why)
  }

  #watchRunner(runner: KnexRunner): KnexRunner {
    const run = runner.run.bind(runner)
    const stream = runner.stream.bind(runner)
    runner.run = () => this.#follow(run())
    runner.stream = (...args) => this.#drain(stream(...args))
    return runner
  }

  #follow<T extends PromiseLike<unknown>>(answer: T): T {
    this.#running++
    const over = (): void => void this.#running--
    answer.then(over, over)
    return answer
  }

  /** With a handler Knex gives a promise, else the stream. */
  #drain(streaming: unknown): unknown {
    if (streaming instanceof Promise) return this.#follow(streaming)
    this.#running++
    ;(streaming as EventEmitter).once('close', () => void this.#running--)
    return streaming
  }
}

/** Whether MySQL says, with its answer to a statement without rows, that no transaction is open. */
function hasEnded(answer: KnexAnswer | undefined): boolean {
  const { response } = answer ?? {}
  const [result] = Array.isArray(response) ? (response as readonly unknown[]) : []
  const { serverStatus } = (result ?? {}) as { readonly serverStatus?: unknown }
  return typeof serverStatus === 'number' && (serverStatus & IN_TRANSACTION) === 0
}

function refusal(used: string, below?: (...args: never[]) => unknown): AfterwordError {
  const error = new AfterwordError('SESSION_END_REFUSED', { library: 'knex', used })
  if (below !== undefined) Error.captureStackTrace(error, below)
  return error
}
