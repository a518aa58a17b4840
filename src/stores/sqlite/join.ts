import type { DatabaseSync } from 'node:sqlite'
import type { Incarnation, Instant } from '../../model/task.ts'
import type { Joined, StoreJoin, WriteBatch } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { toStoreError } from './sqlite-errors.ts'
import { type KnownWorker, WriteTransaction } from './write-transaction.ts'

/** What a join needs of the store. */
export interface JoinParts {
  readonly workers: ReadonlyMap<Incarnation, KnownWorker>
  /** The log is synced; undefined when that is done at once, or there is no log. */
  sync(): Promise<void> | undefined
  /** A transaction has ended that held the lock of the file. */
  freed(): void
}

/**
 * Writes to the store over the application's own connection to the same file, inside the transaction that is open there: the same
 * statements as ever, prepared on that connection.
 */
export class SqliteJoin implements StoreJoin {
  readonly #db: Database
  readonly #parts: JoinParts
  #needsSync = false

  /** @param db  over the application's connection. */
  constructor(db: Database, parts: JoinParts) {
    this.#db = db
    this.#parts = parts
  }

  get isOpen(): boolean {
    const { connection } = this.#db
    return connection.isOpen && connection.isTransaction
  }

  write(batch: WriteBatch, now: Instant): Joined {
    const worker = batch.worker === undefined ? undefined : this.#parts.workers.get(batch.worker)
    this.#needsSync ||= batch.durability === 'power' && !syncsItself(this.#db.connection)
    try {
      return new WriteTransaction(this.#db, batch, now, worker).run()
    } catch (error) {
      throw toStoreError(error, this.#db.file)
    } finally {
      // Nobody tells whether that transaction will be committed before the next one begins: what it added is looked up again.
      this.#db.kinds.forget()
    }
  }

  committed(): Promise<void> | undefined {
    return this.#needsSync ? this.#parts.sync() : undefined
  }

  ended(): void {
    this.#parts.freed()
  }
}

/** Whether each commit there waits for the disk: the default of SQLite, unlike that of our own connection. */
function syncsItself(connection: DatabaseSync): boolean {
  const { synchronous } = connection.prepare('PRAGMA synchronous').get() as { synchronous: number }
  return synchronous >= SYNCHRONOUS_FULL
}

/** @source "PRAGMA synchronous", https://www.sqlite.org/pragma.html#pragma_synchronous */
const SYNCHRONOUS_FULL = 2
