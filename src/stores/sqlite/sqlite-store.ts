import { realpathSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { CANARY_QUEUE } from '../../model/canary.ts'
import { AfterwordError } from '../../model/errors.ts'
import type { SessionSql } from '../../model/session.ts'
import type { LIVE_STATES } from '../../model/task-state.ts'
import type {
  Incarnation,
  Instant,
  Retention,
  StoredError,
  StoredValue,
  TaskId,
  TaskKind,
  TaskRecord,
  WorkerRecord,
  WorkerRegistration,
} from '../../model/task.ts'
import type { Chance } from '../../ports/chance.ts'
import type { Clock } from '../../ports/clock.ts'
import type {
  CancelAnswer,
  Counts,
  ListAsk,
  Listed,
  Rescued,
  Store,
  StoreAddress,
  StoreCapabilities,
  StoreJoin,
  WriteBatch,
  Written,
} from '../../ports/store.ts'
import { Database } from './database.ts'
import { checkLocation } from './file-checks.ts'
import { holderOf } from './holder.ts'
import { SqliteJoin } from './join.ts'
import { homeKey, spareKey } from './keys.ts'
import { labelsOf } from './kinds.ts'
import { listTasks } from './list.ts'
import { PASSED, STEPS } from './marks.ts'
import { SCHEMA_VERSION } from './migrations.ts'
import { moveLog } from './move-log.ts'
import { openDatabase, openSharedDatabase } from './open-database.ts'
import { STATE_CODES, stateOf, type StepRow, taskRecord, type TaskRow, workerRecord, type WorkerRow } from './rows.ts'
import { toStoreError } from './sqlite-errors.ts'
import type { StatementName } from './statements.ts'
import { WalGuard } from './wal-guard.ts'
import { type SyncMode, WalSync } from './wal-sync.ts'
import { type KnownWorker, WriteTransaction } from './write-transaction.ts'

/** The sources run as they are, and built: it lies beside this file either way. */
const STORE_AT = new URL(import.meta.url.endsWith('.ts') ? './store-at.ts' : './store-at.js', import.meta.url)

/** What an SQLite store needs besides its file. */
export interface SqliteStoreParts {
  readonly clock: Clock
  readonly chance: Chance
  /** `auto` measures the disk at open. */
  readonly sync?: SyncMode | 'auto'
  /** Without a file: a database in memory that several store objects share, as processes share a file. Its owner closes it. */
  readonly memory?: DatabaseSync
  /** Whether the application has tables of its own in that file, whose links are resolved. By default the store has it to itself. */
  isShared?(file: string): Promise<boolean>
  /** Told once, when an input/output error ended the store. */
  onFailure?(error: AfterwordError): void
}

/**
 * Tasks in an SQLite file that several processes of one machine may share, or in memory when no file is given.
 * The memory store is the same code on an in-memory database, so that it cannot differ.
 */
export class SqliteStore implements Store {
  readonly url: string
  readonly can: StoreCapabilities
  readonly #file: string | undefined
  readonly #parts: SqliteStoreParts
  #db: Database | undefined
  #wal: WalSync | undefined
  /** What registered through this object; a write of another is of no worker. */
  readonly #workers = new Map<Incarnation, KnownWorker>()
  /** The application's connections to the same file. */
  readonly #joined = new WeakMap<DatabaseSync, Database>()
  #pruneFrom = Number.MIN_SAFE_INTEGER

  constructor(file: string | undefined, parts: SqliteStoreParts) {
    this.#file = file
    this.#parts = parts
    this.url = file === undefined ? 'memory:' : `sqlite:${file}`
    this.can = { shared: file !== undefined, persistent: file !== undefined }
  }

  /** The database file with every link resolved, once it is open. */
  get file(): string | undefined {
    return this.#db === undefined || this.#file === undefined ? undefined : this.#db.file
  }

  get address(): StoreAddress | undefined {
    const { file } = this
    return file === undefined ? undefined : { module: STORE_AT.href, data: { file } }
  }

  /** How this store makes groups durable; undefined in memory. */
  get syncMode(): SyncMode | undefined {
    return this.#wal?.mode
  }

  async open(): Promise<void> {
    if (this.#db !== undefined) throw new Error(`${this.url} was opened twice`)
    const file = this.#file === undefined ? undefined : (await checkLocation(this.#file)).file
    const connection = file === undefined ? (this.#parts.memory ?? openDatabase(file)) : await this.#openFile(file)
    const db = new Database(file ?? ':memory:', connection, {
      clock: this.#parts.clock,
      chance: this.#parts.chance,
      onFailure: (error) => this.#parts.onFailure?.(error),
    })
    this.#db = db
    try {
      if (file !== undefined) await this.#openWal(db, file)
    } catch (error) {
      // Another try may find what was missing: space, descriptors.
      await this.close()
      throw toStoreError(error, db.file)
    }
  }

  async close(): Promise<void> {
    const db = this.#db
    if (db === undefined) return
    this.#db = undefined
    db.end()
    try {
      // The descriptor goes first: closing the last connection deletes the log.
      await this.#wal?.close()
    } finally {
      this.#wal = undefined
      this.#workers.clear()
      if (db.connection !== this.#parts.memory) db.close()
    }
  }

  async register(worker: WorkerRegistration): Promise<Incarnation> {
    const { name, pid, host, version, runtime, queues, definitions, registeredAt, leaseMs } = worker
    const labels = labelsOf(definitions)
    const labelsJson = JSON.stringify(labels)
    const row = await this.#transact((db) => {
      this.#removeCanaries(db)
      return db
        .sql('register')
        .get(
          name,
          pid,
          host,
          version,
          SCHEMA_VERSION,
          JSON.stringify(queues),
          labelsJson,
          registeredAt,
          leaseMs,
          runtime,
        ) as { incarnation: number }
    })
    const { incarnation } = row
    this.#workers.set(incarnation, { incarnation, labels: new Set(labels), labelsJson, strays: new Set() })
    return incarnation
  }

  beat(worker: Incarnation): Promise<boolean> {
    return this.#transact((db) => db.sql('beat').run(worker).changes === 1)
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    return this.#read((db) => db.sql('workers').all() as unknown as WorkerRow[]).map(workerRecord)
  }

  async retire(worker: Incarnation): Promise<void> {
    await this.#transact((db) => db.sql('retire').run(worker))
    this.#workers.delete(worker)
  }

  async write(batch: WriteBatch, now: Instant): Promise<Written> {
    const db = this.#open()
    const worker = batch.worker === undefined ? undefined : this.#workers.get(batch.worker)
    const wal = this.#wal
    return db.transactThen(
      () => new WriteTransaction(db, batch, now, worker).run(),
      (written) => {
        // Outcomes alone wait for no sync: what a power cut takes back is repeated, not lost.
        const durable = batch.durability === 'power' ? wal?.sync() : undefined
        return { ...written, durable }
      },
    )
  }

  async handBack(
    worker: Incarnation,
    tasks: readonly { readonly id: TaskId; readonly claims: number }[] | 'all',
    now: Instant,
  ): Promise<readonly TaskId[]> {
    return this.#transact((db) => {
      if (tasks === 'all') {
        const back = db.sql('hand_back_all').all(worker) as { id: string }[]
        this.#endCancelled(db, worker, now)
        const canaries = this.#removeCanaries(db)
        return back.map((row) => row.id).filter((id) => !canaries.has(id))
      }
      const given = (name: 'hand_back' | 'cancel_back', ...before: number[]): Ended[] =>
        tasks.flatMap(({ id, claims }) =>
          keysOf(id).flatMap((key) => db.sql(name).all(...before, key, id, worker, claims) as unknown as Ended[]),
        )
      const back = given('hand_back')
      this.#afterEnd(db, given('cancel_back', now), new Set())
      return back.map((row) => row.id)
    })
  }

  async rescue(dead: Incarnation, now: Instant): Promise<Rescued> {
    return this.#transact((db) => {
      db.sql('fence').run(dead)
      const ready = this.#endCancelled(db, dead, now)
      const evidence: StoredError = {
        name: 'AfterwordError',
        message: new AfterwordError('ATTEMPT_CRASHED', { crashes: 3 }).message,
        code: 'ATTEMPT_CRASHED',
      }
      const ended = db.sql('quarantine').all(now, JSON.stringify(evidence), dead) as unknown as Ended[]
      this.#afterEnd(db, ended, ready)
      const back = db.sql('rescue').all(dead) as unknown as { id: string; kind: number }[]
      const canaries = this.#removeCanaries(db)
      const requeued = back.filter(({ id }) => !canaries.has(id))
      for (const { kind } of requeued) ready.add(db.kinds.of(kind).queue)
      return { requeued: requeued.map((row) => row.id), quarantined: ended.map((row) => row.id), ready }
    })
  }

  async cancel(id: TaskId, now: Instant): Promise<CancelAnswer> {
    return this.#transact((db) => {
      const row = findRow(db, id)
      if (row === undefined) return { kind: 'unknown' }
      if (row.state === STATE_CODES.running) {
        change(db, 'cancel_running', id)
        return { kind: 'requested', worker: row.worker! }
      }
      if (!change(db, 'cancel_idle', id, now)) return { kind: 'finished' }
      if (row.state === STATE_CODES.waiting) {
        db.sql('relink').run(row.after, id)
        db.sql('count_change').run(-1, -1)
      } else this.#afterEnd(db, [row], new Set())
      return { kind: 'cancelled' }
    })
  }

  async requeue(id: TaskId): Promise<boolean> {
    return this.#transact((db) => {
      // Whoever comes behind it knows the series by it alone: it takes its place again as long as that means something.
      const holder = holderOf(db, id)
      const waits = holder !== undefined && change(db, 'rejoin', id, holder)
      const done = waits || change(db, 'requeue', id)
      if (done) db.sql('count_change').run(1, waits ? 1 : 0)
      return done
    })
  }

  async find(id: TaskId): Promise<TaskRecord | undefined> {
    return this.#read((db) => {
      const row = findRow(db, id)
      return row === undefined ? undefined : taskRecord(row, db.kinds.of(row.kind))
    })
  }

  async steps(id: TaskId): Promise<ReadonlyMap<string, StoredValue>> {
    return this.#read((db) => {
      const rows = keysOf(id).flatMap((key) => db.sql('steps').all(key, id)) as unknown as StepRow[]
      return new Map(rows.map(({ name, format, value }) => [name, { format, text: value }]))
    })
  }

  async list(ask: ListAsk): Promise<Listed> {
    return this.#read((db) => listTasks(db, ask))
  }

  async ahead(id: TaskId): Promise<readonly TaskId[]> {
    return this.#read((db) => {
      const ahead: TaskId[] = []
      for (let row = findRow(db, id); row !== undefined && row.state === STATE_CODES.waiting && row.after !== null;) {
        ahead.unshift(row.after)
        row = findRow(db, row.after)
      }
      return ahead
    })
  }

  async counts(): Promise<Counts> {
    const counts = new Map<string, Record<(typeof LIVE_STATES)[number], number>>()
    this.#read((db) => {
      const rows = db.sql('counts').all() as unknown as { kind: number; state: number; count: number }[]
      for (const { kind, state, count } of rows) {
        const { queue } = db.kinds.of(kind)
        if (queue === CANARY_QUEUE) continue
        const entry = counts.get(queue) ?? { scheduled: 0, waiting: 0, ready: 0, running: 0 }
        entry[stateOf(state) as (typeof LIVE_STATES)[number]] += count
        counts.set(queue, entry)
      }
    })
    return counts
  }

  async pause(queue: string, paused: boolean): Promise<void> {
    await this.#transact((db) => db.sql(paused ? 'pause' : 'resume').run(queue))
  }

  async paused(): Promise<ReadonlySet<string>> {
    return new Set(this.#read((db) => db.sql('paused').all() as { queue: string }[]).map((row) => row.queue))
  }

  async prune(retention: Retention, now: Instant, limit: number): Promise<{ removed: number; done: boolean }> {
    const rows = this.#read((db) => db.sql('old').all(this.#pruneFrom, limit) as unknown as OldRow[])
    const done = rows.length < limit
    this.#pruneFrom = done ? Number.MIN_SAFE_INTEGER : rows.at(-1)!.key
    const past = rows.filter((row) => row.finished_at !== null && row.finished_at <= now - keptMs(retention, row.state))
    if (past.length === 0) return { removed: 0, done }
    const removed = await this.#transact((db) =>
      past.reduce((sum, row) => {
        // One that was cancelled as it waited is a link of its series still.
        if (row.state === STATE_CODES.cancelled && holderOf(db, row.id) !== undefined) return sum
        // A task that was requeued since it was looked at is not the one that was to go.
        if (db.sql('remove').run(row.key, row.state, row.finished_at).changes === 0) return sum
        if ((row.marks & STEPS) !== 0) db.sql('forget_steps').run(row.key)
        return sum + 1
      }, 0),
    )
    return { removed, done }
  }

  async readyKinds(): Promise<readonly TaskKind[]> {
    return this.#read((db) => {
      const codes = db.sql('ready_kinds').all() as unknown as { code: number }[]
      const kinds = codes.map(({ code }) => db.kinds.of(code)).filter(({ queue }) => queue !== CANARY_QUEUE)
      return kinds.map(({ queue, name, version }) => ({ queue, name, version }))
    })
  }

  join({ database }: SessionSql): StoreJoin | undefined {
    const db = this.#open()
    if (database === undefined || !this.#isSame(database)) return undefined
    let over = this.#joined.get(database)
    if (over === undefined) {
      // It opens no transaction there and closes nothing: what fails there is the session's.
      over = new Database(db.file, database, { ...this.#parts, onFailure: () => undefined })
      this.#joined.set(database, over)
    }
    return new SqliteJoin(over, { workers: this.#workers, sync: () => this.#wal?.sync(), freed: () => db.freed() })
  }

  async tend(): Promise<void> {
    this.#read((db) => moveLog(db))
  }

  #isSame(database: DatabaseSync): boolean {
    if (database === this.#parts.memory) return true
    const { file } = this
    const location = file === undefined ? null : database.location()
    return location !== null && realpathSync(location) === file
  }

  async #openFile(file: string): Promise<DatabaseSync> {
    const { clock, chance } = this.#parts
    const shares = await this.#parts.isShared?.(file)
    return openSharedDatabase(file, { clock, chance, shares })
  }

  async #openWal(db: Database, file: string): Promise<void> {
    // Writes something small, for there is no log before the first write; others may hold the write lock meanwhile.
    const touch = (): Promise<unknown> => db.transact(() => db.sql('count_change').run(0, 0))
    await touch()
    const wal = new WalSync(`${file}-wal`, (error) => db.fail(error))
    this.#wal = wal
    db.guard = new WalGuard(file, wal, this.#parts.clock)
    const wanted = this.#parts.sync ?? 'auto'
    if (wanted === 'auto') await wal.measure(this.#parts.clock, touch)
    else wal.mode = wanted
  }

  /** Those that are nobody's any more. */
  #removeCanaries(db: Database): ReadonlySet<TaskId> {
    const removed = db.sql('remove_canaries').all() as { id: string }[]
    if (removed.length > 0) db.sql('count_change').run(-removed.length, 0)
    return new Set(removed.map(({ id }) => id))
  }

  /** What a cancel was asked for while it ran, and whose worker is gone. */
  #endCancelled(db: Database, worker: Incarnation, now: Instant): Set<string> {
    const ready = new Set<string>()
    this.#afterEnd(db, db.sql('cancel_asked').all(now, worker) as unknown as Ended[], ready)
    return ready
  }

  /** Tasks that ended without an attempt's outcome: the counters follow, and what waits behind them is released. */
  #afterEnd(db: Database, ended: readonly Ended[], ready: Set<string>): void {
    let released = 0
    for (const { id, marks } of ended) {
      if ((marks & PASSED) !== 0) continue
      for (const { key, kind } of db.sql('follower').all(id) as unknown as { key: number; kind: number }[]) {
        db.sql('release_ready').run(key)
        ready.add(db.kinds.of(kind).queue)
        released++
      }
    }
    if (ended.length > 0) db.sql('count_change').run(-ended.length, -released)
  }

  async #transact<T>(work: (db: Database) => T): Promise<T> {
    const db = this.#open()
    return db.transact(() => work(db))
  }

  #read<T>(query: (db: Database) => T): T {
    const db = this.#open()
    return db.read(() => query(db))
  }

  #open(): Database {
    if (this.#db === undefined) throw new AfterwordError('STORE_CLOSED', { file: this.#file ?? 'memory:' })
    return this.#db
  }
}

interface Ended {
  readonly id: TaskId
  readonly marks: number
}

interface OldRow {
  readonly key: number
  readonly id: TaskId
  readonly state: number
  readonly finished_at: number | null
  readonly marks: number
}

function keptMs(retention: Retention, code: number): number {
  const state = stateOf(code)
  return state in retention ? retention[state as keyof Retention] : Infinity
}

function keysOf(id: TaskId): number[] {
  const home = homeKey(id)
  return home === undefined ? [spareKey(id)] : [home, spareKey(id)]
}

function findRow(db: Database, id: TaskId): TaskRow | undefined {
  for (const key of keysOf(id)) {
    const row = db.sql('find').get(key, id)
    if (row !== undefined) return row as unknown as TaskRow
  }
  return undefined
}

/** Runs a change that ends in `key = ? AND id = ?` at the key where the row is. */
function change(db: Database, name: StatementName, id: TaskId, ...before: (number | TaskId)[]): boolean {
  return keysOf(id).some((key) => db.sql(name).run(...before, key, id).changes === 1)
}
