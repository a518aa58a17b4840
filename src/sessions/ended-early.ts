import type { AfterwordError } from '../model/errors.ts'
import type { SessionSql } from '../model/session.ts'
import { ABORTED, ENDED, transactionOver } from './transaction-over.ts'
import { Turns } from './turns.ts'

/** Errors are wrapped by libraries, not deeper than this. */
const CAUSES_MAX = 5
/** A deadlock, in the words of MySQL, of its driver, and of Prisma. */
const DEADLOCK: ReadonlySet<unknown> = new Set([1213, '1213', 'ER_LOCK_DEADLOCK', 'P2034'])
/** What Postgres says to each statement after one that has failed. */
const IN_FAILED_TRANSACTION: ReadonlySet<unknown> = new Set(['25P02'])
/** Where the libraries keep what an error is about. */
const INSIDE = ['cause', 'driverError', 'meta', 'driverAdapterError'] as const

/**
 * Knows what failed queries have done to the transaction around them, which most libraries do not look at. Postgres takes back
 * all of it, answers COMMIT with ROLLBACK, and calls that no error. MySQL takes all of it back after a deadlock, and what
 * follows is kept query by query.
 */
export class EndedEarly {
  readonly #library: string
  readonly #dialect: SessionSql['dialect'] | undefined
  readonly #turns = new Turns()
  #failure: unknown

  constructor(library: string, dialect: SessionSql['dialect'] | undefined) {
    this.#library = library
    this.#dialect = dialect
  }

  /** A query has failed. */
  saw(error: unknown): void {
    if (!speaksOf(DEADLOCK, this.#failure)) this.#failure = error
  }

  /**
   * Sends a statement. On MySQL one after another: what is sent already when a deadlock ends the transaction would be kept.
   *
   * @throws SESSION_TRANSACTION_OVER instead, as {@link check}.
   */
  async send<T>(statement: () => PromiseLike<T>): Promise<T> {
    if (this.#dialect !== 'mysql') return statement()
    const over = await this.#turns.take()
    try {
      this.check()
      return await statement()
    } catch (error) {
      this.saw(error)
      throw error
    } finally {
      over()
    }
  }

  /** Throws SESSION_TRANSACTION_OVER when the next statement would be no part of the transaction. */
  check(): void {
    if (this.#dialect === 'mysql' && speaksOf(DEADLOCK, this.#failure)) {
      throw this.over('a query in it had met a deadlock, for which the database takes back all of it', this.#failure)
    }
  }

  /**
   * Throws SESSION_TRANSACTION_OVER when a commit would keep nothing, or not all. Costs a trip only after a query that failed.
   *
   * @param savepoint  sets one, which a transaction that has failed refuses.
   */
  async checkCommit(savepoint: () => Promise<unknown>): Promise<void> {
    this.check()
    if (this.#failure === undefined || this.#dialect !== 'postgres') return
    try {
      await savepoint()
    } catch (error) {
      if (!speaksOf(IN_FAILED_TRANSACTION, error)) throw error
      throw this.over(ABORTED, error)
    }
  }

  /** SESSION_TRANSACTION_OVER, to be thrown where there is no transaction any more. */
  endedBySomebody(): AfterwordError {
    return this.over(ENDED)
  }

  /** SESSION_TRANSACTION_OVER, to be thrown. */
  over(why: string, cause?: unknown): AfterwordError {
    return transactionOver(this.#library, why, cause)
  }
}

/** What is set to see whether a transaction takes statements still. */
export const SAVEPOINT = 'SAVEPOINT afterword'

/** Whether an error, or one that it was made of, has one of these codes. */
function speaksOf(codes: ReadonlySet<unknown>, error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > CAUSES_MAX) return false
  const { code, errno, originalCode } = error as Readonly<Record<string, unknown>>
  if (codes.has(code) || codes.has(errno) || codes.has(originalCode)) return true
  return INSIDE.some((key) => speaksOf(codes, (error as Readonly<Record<string, unknown>>)[key], depth + 1))
}
