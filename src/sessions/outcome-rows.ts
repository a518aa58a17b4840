import { asError } from '../model/as-error.ts'
import { AfterwordError } from '../model/errors.ts'
import type { SessionProvider, SessionProviders, SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import type { ClaimedTask, Success } from '../model/task.ts'
import type { HeldSession } from './held-session.ts'
import type { SessionBook } from './session-book.ts'
import { statements } from './statements.ts'

/** What a row says: what an attempt came to, and which one. */
export interface OutcomeRow {
  readonly claims: number
  readonly outcome: Pick<Success, 'result' | 'error' | 'adds'>
}

/** How long a row is kept at least, and the pause between two sweeps, in milliseconds. */
const KEPT_MS = 3_600_000
const SWEEP_PAUSE_MS = 600_000

type Named = Pick<ClaimedTask, 'id' | 'addedAt'>

/** Whose row stands there now. */
type Recorded = { readonly kind: 'mine' } | { readonly kind: 'earlier'; readonly row: OutcomeRow }

/**
 * Rows in the application's database that say which attempts have committed there: where the store is another database, nothing
 * else can tell after a crash between the two. The row is written in the transaction of the effects, so both are there or
 * neither, and its key lets one attempt of a task through.
 *
 * @source reliability 3a, points 8 and 9; the shape is that of DBOS.
 */
export class OutcomeRows {
  readonly #book: SessionBook
  readonly #preparing = new WeakMap<SessionProvider, Promise<void>>()
  readonly #prepared = new WeakSet<SessionProvider>()
  readonly #sweptMs = new WeakMap<SessionProvider, number>()

  constructor(book: SessionBook) {
    this.#book = book
  }

  /** Makes sure that the table is there, in a session of its own: once for each provider. */
  prepare(name: string, providers: SessionProviders): Promise<void> {
    const provider = providers[name]!
    let preparing = this.#preparing.get(provider)
    if (preparing === undefined) {
      preparing = this.#prepare(name, providers)
      this.#preparing.set(provider, preparing)
      preparing.then(
        () => this.#prepared.add(provider),
        // The next one tries again.
        () => this.#preparing.delete(provider),
      )
    }
    return preparing
  }

  /** Whether the table is known to be there. */
  isPrepared(provider: SessionProvider): boolean {
    return this.#prepared.has(provider)
  }

  /** What an earlier attempt has committed. */
  async find(sql: SessionSql, { id, addedAt }: Named): Promise<OutcomeRow | undefined> {
    const [row] = await sql.query(statements[sql.dialect].find, [id, addedAt])
    return row === undefined ? undefined : read(row)
  }

  /** Writes the row, waiting for whoever is writing the same; `earlier` when that one was committed first. */
  async record(sql: SessionSql, task: ClaimedTask, outcome: Success): Promise<Recorded> {
    const { id, addedAt, claims } = task
    const { dialect } = sql
    const written = await sql.query(statements[dialect].record, this.#valuesOf(task, outcome))
    if (dialect === 'mysql') return whose(read((await sql.query(statements.mysql.who, [id, addedAt]))[0]!), claims)
    if (written.length > 0) return { kind: 'mine' }
    const row = await this.find(sql, task)
    // It was removed in between: its task is final, and the guard of the store refuses this attempt.
    return row === undefined ? { kind: 'mine' } : whose(row, claims)
  }

  /** Writes the row and commits, in one trip to the server. Fails, and commits nothing, where there is a row of that key. */
  async recordAndCommit(session: HeldSession, task: ClaimedTask, outcome: Success): Promise<void> {
    const { dialect } = session.sql!
    await session.commitWith(statements[dialect].record_or_fail, this.#valuesOf(task, outcome))
  }

  /**
   * Whether the transaction of an attempt was committed, after its connection was lost: read in the database, never guessed. A
   * row of its key has to wait for the transaction that is not decided. Undefined: the database cannot be asked.
   */
  async settle(
    name: string,
    providers: SessionProviders,
    task: ClaimedTask,
    outcome: Success,
  ): Promise<OutcomeRow | 'rolled back' | undefined> {
    try {
      const session = await this.#book.open(name, providers, `what asks for task "${task.name}" (${task.id})`)
      try {
        // Of no attempt that ever was: a row of this very one is found, not taken for a new one.
        const found = await this.record(session.sql!, { ...task, claims: 0 }, outcome)
        return found.kind === 'mine' ? 'rolled back' : found.row
      } finally {
        await session.discard()
      }
    } catch {
      return undefined
    }
  }

  /** Whether the pause between two sweeps is over. */
  isSweepDue(provider: SessionProvider): boolean {
    const sweptMs = this.#sweptMs.get(provider)
    return sweptMs === undefined || this.#book.clock.monotonicMs() - sweptMs >= SWEEP_PAUSE_MS
  }

  /**
   * Removes rows of tasks that are over: at most 200 that are an hour old, so that the end of the task is on its way to the disk
   * no longer. Not more often than every ten minutes; never rejects.
   *
   * @param isOver  whether the store will never run that task again.
   */
  async sweep(name: string, providers: SessionProviders, isOver: (task: Named) => Promise<boolean>): Promise<void> {
    const provider = providers[name]!
    if (!this.isSweepDue(provider)) return
    const isFirst = !this.#sweptMs.has(provider)
    this.#sweptMs.set(provider, this.#book.clock.monotonicMs())
    // The pause comes before the first sweep, too: most processes have better things to do as they start.
    if (isFirst) return
    try {
      await this.#sweep(await this.#book.open(name, providers, 'the clean-up of outcomes'), isOver)
    } catch {
      // Rows that stay are swept the next time.
    }
  }

  #valuesOf({ id, addedAt, claims }: ClaimedTask, { result, error, adds }: Success): SqlValue[] {
    return [id, addedAt, claims, JSON.stringify({ result, error, adds }), this.#book.clock.now()]
  }

  async #sweep(session: HeldSession, isOver: (task: Named) => Promise<boolean>): Promise<void> {
    try {
      const sql = session.sql!
      const { old, remove } = statements[sql.dialect]
      for (const row of await sql.query(old, [this.#book.clock.now() - KEPT_MS])) {
        const task = { id: String(row['task_id']), addedAt: Number(row['added_at']) }
        if (await isOver(task)) await sql.query(remove, [task.id, task.addedAt])
      }
      session.end('committed')
      await session.commit()
      await session.close(false)
    } catch (error) {
      await session.discard()
      throw error
    }
  }

  async #prepare(name: string, providers: SessionProviders): Promise<void> {
    if ((await this.#try(name, providers, ['look'])) === undefined) return
    const failed = await this.#try(name, providers, ['create', 'index'])
    // Another process has made it at the same moment, or somebody with more rights before.
    if (failed === undefined || (await this.#try(name, providers, ['look'])) === undefined) return
    const { error, dialect } = failed
    const sql = statements[dialect].create.replaceAll(/\s+/g, ' ')
    throw new AfterwordError('SESSION_OUTCOME_TABLE', { session: name, reason: error.message, sql }, { cause: error })
  }

  /** Undefined when all of it went well, and is committed. */
  async #try(
    name: string,
    providers: SessionProviders,
    names: readonly ('look' | 'create' | 'index')[],
  ): Promise<{ readonly error: Error; readonly dialect: SessionSql['dialect'] } | undefined> {
    const session = await this.#book.open(name, providers, 'the table of outcomes')
    const sql = session.sql!
    const { dialect } = sql
    try {
      for (const statement of names) await sql.query(statements[dialect][statement], [])
      session.end('committed')
      await session.commit()
      await session.close(false)
      return undefined
    } catch (thrown) {
      await session.discard()
      return { error: asError(thrown), dialect }
    }
  }
}

function whose(row: OutcomeRow, claims: number): Recorded {
  return row.claims === claims ? { kind: 'mine' } : { kind: 'earlier', row }
}

function read(row: SqlRow): OutcomeRow {
  return {
    claims: Number(row['claims']),
    outcome: JSON.parse(String(row['outcome'])) as OutcomeRow['outcome'],
  }
}
