import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { AfterwordError } from '../../model/errors.ts'
import { Kinds } from './kinds.ts'
import { isBusy, isFatal, toStoreError } from './sqlite-errors.ts'
import { type StatementName, statements } from './statements.ts'
import { BUSY, untilFree, type WaitParts } from './until-free.ts'
import type { WalGuard } from './wal-guard.ts'

/** What the database asks of its surroundings. */
export interface DatabaseParts extends WaitParts {
  /** Told once, when an input/output error ended the store. */
  onFailure(error: AfterwordError): void
}

/**
 * One connection and its transactions. All of them are IMMEDIATE (a read that is upgraded to a write would fail as
 * busy without a chance to wait) and synchronous once begun, so that nothing of ours can come in between.
 *
 * Busy means that another process holds the write lock. The wait for it is asynchronous, with the other transactions of
 * this process queued behind.
 */
export class Database {
  readonly file: string
  readonly connection: DatabaseSync
  /** Asked before each transaction, once the files are known. */
  guard: WalGuard | undefined
  /** Queues and names by their number in the rows. */
  readonly kinds = new Kinds(this)
  readonly #parts: DatabaseParts
  readonly #prepared = new Map<StatementName, StatementSync>()
  #waiting: Promise<unknown> | undefined
  #wake: (() => void) | undefined
  #failure: AfterwordError | undefined
  #ended = false

  constructor(file: string, connection: DatabaseSync, parts: DatabaseParts) {
    this.file = file
    this.connection = connection
    this.#parts = parts
  }

  /** The prepared statement of that name. */
  sql(name: StatementName): StatementSync {
    const known = this.#prepared.get(name)
    if (known !== undefined) return known
    const statement = this.connection.prepare(statements[name])
    this.#prepared.set(name, statement)
    return statement
  }

  /** Runs `work` in one transaction; what it throws rolls everything back. Rejects with a coded error. */
  transact<T>(work: () => T): Promise<T> {
    return this.transactThen(work, (result) => result)
  }

  /** The same, with something to do in the very turn of the commit, outside of the transaction. */
  async transactThen<T, R>(work: () => T, committed: (result: T) => R): Promise<R> {
    const attempt = (): R | typeof BUSY => {
      const result = this.#attempt(work)
      return result === BUSY ? BUSY : committed(result)
    }
    if (this.#waiting === undefined) {
      const done = attempt()
      if (done !== BUSY) return done
    }
    const begunMs = this.#parts.clock.monotonicMs()
    const parts = { ...this.#parts, wakeable: (wake: () => void) => void (this.#wake = wake) }
    const turn = (this.#waiting ?? Promise.resolve()).then(() => untilFree(attempt, this.file, begunMs, parts))
    const settled = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#waiting = settled
    try {
      return await turn
    } finally {
      if (this.#waiting === settled) this.#waiting = undefined
    }
  }

  /** The lock of the file was let go of in this process: what waits for it has the next turn. */
  freed(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** Runs a query outside of any transaction. */
  read<T>(query: () => T): T {
    this.#check()
    try {
      return query()
    } catch (error) {
      throw this.#translate(error)
    }
  }

  /** Ends the store: after a failed sync or write no further promise can be kept. */
  fail(error: unknown): AfterwordError {
    if (this.#failure === undefined) {
      this.#failure = toStoreError(error, this.file)
      this.#parts.onFailure(this.#failure)
    }
    return this.#failure
  }

  /** Begins nothing more; what waits for the lock is refused as closed. */
  end(): void {
    this.#ended = true
  }

  /** Lets go of the file. Closing twice is fine. */
  close(): void {
    this.#ended = true
    this.#prepared.clear()
    if (this.connection.isOpen) this.connection.close()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ended) throw new AfterwordError('STORE_CLOSED', { file: this.file })
  }

  #attempt<T>(work: () => T): T | typeof BUSY {
    this.#check()
    const changed = this.guard?.changed()
    if (changed !== undefined) throw this.fail(new AfterwordError('STORE_REPLACED', { file: this.file, changed }))
    try {
      this.sql('begin').run()
    } catch (error) {
      if (isBusy(error)) return BUSY
      throw this.#translate(error)
    }
    try {
      const result = work()
      this.sql('commit').run()
      this.kinds.keep()
      return result
    } catch (error) {
      this.#rollback()
      if (isBusy(error)) return BUSY
      throw this.#translate(error)
    }
  }

  #rollback(): void {
    this.kinds.forget()
    // Some errors have rolled back by themselves.
    if (!this.connection.isTransaction) return
    try {
      this.sql('rollback').run()
    } catch (error) {
      this.fail(error)
    }
  }

  #translate(error: unknown): unknown {
    if (error instanceof AfterwordError || (error as { code?: unknown })?.code !== 'ERR_SQLITE_ERROR') return error
    return isFatal(error) ? this.fail(error) : toStoreError(error, this.file)
  }
}
