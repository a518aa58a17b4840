import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { AfterwordError } from '../../model/errors.ts'
import type { Chance } from '../../ports/chance.ts'
import type { Clock } from '../../ports/clock.ts'
import { isBusy, isFatal, toStoreError } from './sqlite-errors.ts'
import { type StatementName, statements } from './statements.ts'

const BUSY_IMMEDIATE_TRIES = 3
const BUSY_WAIT_MS_MAX = 10_000

/** What the database asks of its surroundings. */
export interface DatabaseParts {
  readonly clock: Clock
  readonly chance: Chance
  /** Told once, when an input/output error ended the store. */
  onFailure(error: AfterwordError): void
}

/**
 * One connection and its transactions. All of them are IMMEDIATE (a read that is upgraded to a write would fail as
 * busy without a chance to wait) and synchronous once begun, so that nothing of ours can come in between.
 *
 * Busy means that another process holds the write lock. SQLite's own handler would sleep on the event loop and is
 * unfair between processes (one of four got a single commit in four seconds); here the wait is asynchronous: three
 * turns of the loop, then 1 to 3 ms at random, with the others of this process queued behind.
 */
export class Database {
  readonly file: string
  readonly connection: DatabaseSync
  readonly #parts: DatabaseParts
  readonly #prepared = new Map<StatementName, StatementSync>()
  #waiting: Promise<unknown> | undefined
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
  async transact<T>(work: () => T): Promise<T> {
    if (this.#waiting === undefined) {
      const done = this.#attempt(work)
      if (done !== BUSY) return done
    }
    const begunMs = this.#parts.clock.monotonicMs()
    const turn = (this.#waiting ?? Promise.resolve()).then(() => this.#retry(work, begunMs))
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
    try {
      this.sql('begin').run()
    } catch (error) {
      if (isBusy(error)) return BUSY
      throw this.#translate(error)
    }
    try {
      const result = work()
      this.sql('commit').run()
      return result
    } catch (error) {
      this.#rollback()
      if (isBusy(error)) return BUSY
      throw this.#translate(error)
    }
  }

  #rollback(): void {
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

  async #retry<T>(work: () => T, begunMs: number): Promise<T> {
    const { clock, chance } = this.#parts
    for (let tries = 0; ; tries++) {
      const done = this.#attempt(work)
      if (done !== BUSY) return done
      const waitedMs = clock.monotonicMs() - begunMs
      if (waitedMs > BUSY_WAIT_MS_MAX) {
        throw new AfterwordError('STORE_BUSY', { file: this.file, waitedMs: Math.round(waitedMs) })
      }
      await new Promise<void>((resolve) => {
        if (tries < BUSY_IMMEDIATE_TRIES) clock.soon(resolve)
        else clock.after(1 + chance.fraction() * 2, resolve, true)
      })
    }
  }
}

const BUSY = Symbol('busy')
