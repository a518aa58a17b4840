import { asError } from '../model/as-error.ts'
import { AfterwordError, isAfterwordError } from '../model/errors.ts'
import type { SessionProviders, Sessions } from '../model/session.ts'
import { attemptNumber, type ClaimedTask, type Success } from '../model/task.ts'
import type { AttemptSessions, SessionEnd } from '../ports/sessions.ts'
import type { StoreJoin } from '../ports/store.ts'
import type { HeldSession } from './held-session.ts'
import { inTime, LATE } from './in-time.ts'
import type { OutcomeRow, OutcomeRows } from './outcome-rows.ts'
import { enterSessions, type OwnSessions } from './own-sessions.ts'
import type { SessionBook } from './session-book.ts'
import { sessionHandles } from './session-handles.ts'
import { ENDED, transactionOver } from './transaction-over.ts'

/** So long an attempt waits for its commit, in milliseconds. */
const COMMIT_MS_MAX = 30_000

/** What the sessions of one attempt need of their surroundings. */
export interface AttemptSessionsParts {
  readonly book: SessionBook
  readonly outcomes: OutcomeRows
  readonly providers: SessionProviders
  readonly task: ClaimedTask
  /** A way to end the attempt in the session's own transaction; undefined where the store is another database. */
  join(session: HeldSession): StoreFinish | undefined
}

/** The end of an attempt as a part of its session's transaction. */
export interface StoreFinish {
  readonly join: StoreJoin
  /** Writes the outcome there: undefined when another worker has the task. */
  write(outcome: Success): ReturnType<StoreJoin['write']>
  /** Whether the outcome is in the store, after a commit of which nobody knows. Undefined: the store cannot be asked. */
  wasRecorded(): Promise<boolean | undefined>
}

/**
 * The sessions of one attempt. At most one of them is a transaction, so that one commit decides everything: what the attempt
 * wrote, and that it has succeeded. That stands in the store itself where it is the same database, else in a row of outcome.
 */
export class SessionsOfAttempt implements AttemptSessions, OwnSessions {
  readonly handles: Sessions<SessionProviders>
  readonly #parts: AttemptSessionsParts
  readonly #owner: string
  readonly #handles = new Map<string, Promise<unknown>>()
  readonly #open = new Set<HeldSession>()
  /** The name of the one that is a transaction. */
  #transaction: string | undefined
  /** How the attempt ends in its transaction: in the store itself, or beside a row of outcome; undefined and false: neither. */
  #finish: StoreFinish | undefined
  #hasRow = false
  #earlier: Success | undefined
  #isOver = false

  constructor(parts: AttemptSessionsParts) {
    const { id, name } = parts.task
    this.#parts = parts
    this.#owner = `task "${name}" (${id}, attempt ${attemptNumber(parts.task)})`
    this.handles = sessionHandles<SessionProviders>((session) => this.#handle(session))
  }

  async succeed(outcome: Success): Promise<SessionEnd> {
    const end = await inTime(this.#commit(outcome), COMMIT_MS_MAX, this.#parts.book.clock, true)
    if (end !== LATE) return end
    // Whether it goes through or not: the next attempt finds out.
    const error = new AfterwordError('SESSION_COMMIT_UNKNOWN', {
      session: this.#transaction ?? '',
      owner: this.#owner,
      reason: `the database has not answered for ${COMMIT_MS_MAX} ms`,
    })
    return { kind: 'failed', error, free: true }
  }

  async #commit(outcome: Success): Promise<SessionEnd> {
    await this.#settled()
    if (this.#earlier !== undefined) return this.#endAs({ kind: 'committed', outcome: this.#earlier })
    const session = this.#transactional()
    if (session === undefined) return this.#endAs({ kind: 'committed', outcome })
    const { name, running } = session
    const owner = this.#owner
    session.end('committed')
    if (running > 0) {
      const error = new AfterwordError('SESSION_QUERY_RUNNING', { session: name, owner, running })
      return this.#endAs({ kind: 'failed', error, free: false })
    }
    const finish = this.#finish
    const end = finish === undefined ? this.#withRow(session, outcome) : this.#withStore(session, finish, outcome)
    return end.catch((error: unknown) => this.#endAs({ kind: 'failed', error: asError(error), free: false }))
  }

  async fail(): Promise<Success | undefined> {
    await this.#settled()
    await this.#discardAll()
    return this.#earlier
  }

  async abandon(): Promise<void> {
    this.#isOver = true
    for (const session of this.#open) session.end(session.isTransaction ? 'rolled back' : 'closed')
    await this.#discardAll()
  }

  holdingStore(): { session: string; owner: string } | undefined {
    if (this.#isOver || this.#finish === undefined) return undefined
    return { session: this.#transaction!, owner: this.#owner }
  }

  #handle(name: string): Promise<unknown> {
    enterSessions(this)
    let handle = this.#handles.get(name)
    if (handle === undefined) {
      handle = this.#begin(name).then((session) => session.handle)
      this.#handles.set(name, handle)
      // Whoever asked and does not look must not bring the process down.
      handle.catch(() => undefined)
    }
    return handle
  }

  async #begin(name: string): Promise<HeldSession> {
    const { outcomes, providers, task } = this.#parts
    const provider = Object.hasOwn(providers, name) ? providers[name] : undefined
    if (this.#isOver) throw this.#tooLate(name)
    if (provider?.transaction === true) {
      const first = (this.#transaction ??= name)
      if (first !== name) {
        throw new AfterwordError('SESSION_SECOND_DATABASE', { session: name, first, owner: this.#owner })
      }
    }
    let session = await this.#take(name)
    if (!session.isTransaction || session.sql === undefined) return session
    const finish = this.#parts.join(session)
    this.#finish = finish
    if (finish !== undefined) session.ended = () => finish.join.ended()
    if (this.#finish !== undefined || provider?.outcomes === false) return session
    if (!outcomes.isPrepared(session.provider)) {
      // That takes a connection, and this one may be the only one.
      await this.#discard(session)
      await outcomes.prepare(name, providers)
      session = await this.#take(name)
    }
    this.#hasRow = true
    // The first claim of a task has no past. A later one looks before it does the work again.
    if (task.claims > 1) await this.#refuseCommitted(session)
    return session
  }

  async #take(name: string): Promise<HeldSession> {
    const { book, providers } = this.#parts
    const session = await book.open(name, providers, this.#owner)
    this.#open.add(session)
    if (!this.#isOver) return session
    await this.#discard(session)
    throw this.#tooLate(name)
  }

  async #refuseCommitted(session: HeldSession): Promise<void> {
    const { outcomes, task } = this.#parts
    const row = await outcomes.find(session.sql!, task)
    if (row === undefined) return
    this.#earlier = asSuccess(row, task)
    await this.#discard(session)
    throw new AfterwordError('SESSION_ALREADY_COMMITTED', { session: session.name, name: task.name, id: task.id })
  }

  /** The database of the store: the success is the last statement of the transaction, guarded by the claim. */
  async #withStore(session: HeldSession, finish: StoreFinish, outcome: Success): Promise<SessionEnd> {
    // Else the success would be recorded for itself, whatever became of the effects.
    if (finish.join.isOpen === false) throw transactionOver(session.provider.library, ENDED)
    const joined = await finish.write(outcome)
    if (joined.recorded[0] !== true) {
      return this.#endAs({ kind: 'lost' })
    }
    try {
      await session.commit()
    } catch (error) {
      await this.#discard(session)
      const wasRecorded = await finish.wasRecorded()
      if (wasRecorded !== true) return this.#endAs(this.#notCommitted(session, error, wasRecorded === undefined))
    }
    return this.#endAs({ kind: 'recorded', joined })
  }

  /** Another database: the row of outcome goes with the effects, and lets one attempt through. */
  async #withRow(session: HeldSession, outcome: Success): Promise<SessionEnd> {
    const { outcomes, providers, task } = this.#parts
    const isOneTrip = this.#hasRow && session.commitsWith
    const found = this.#hasRow && !isOneTrip ? await outcomes.record(session.sql!, task, outcome) : undefined
    if (found?.kind === 'earlier') {
      await this.#discard(session)
      return this.#endAs({ kind: 'committed', outcome: asSuccess(found.row, task, outcome) })
    }
    try {
      // A row of an earlier attempt makes it fail, and is found below as after any commit of which nobody knows.
      await (isOneTrip ? outcomes.recordAndCommit(session, task, outcome) : session.commit())
      return await this.#endAs({ kind: 'committed', outcome })
    } catch (error) {
      // Nothing was sent, or all of it was taken back: there is nothing to ask.
      if (isOneTrip && isAfterwordError(error, 'SESSION_TRANSACTION_OVER')) throw error
      await this.#discard(session)
      if (!this.#hasRow) return this.#endAs(this.#notCommitted(session, error, false))
      const verdict = await outcomes.settle(session.name, providers, task, outcome)
      if (verdict === undefined || verdict === 'rolled back') {
        return this.#endAs(this.#notCommitted(session, error, verdict === undefined))
      }
      return this.#endAs({ kind: 'committed', outcome: asSuccess(verdict, task, outcome) })
    }
  }

  #notCommitted({ name }: HeldSession, error: unknown, isUnknown: boolean): SessionEnd {
    const cause = asError(error)
    const code = isUnknown ? 'SESSION_COMMIT_UNKNOWN' : 'SESSION_COMMIT_FAILED'
    const facts = { session: name, owner: this.#owner, reason: cause.message }
    return { kind: 'failed', error: new AfterwordError(code, facts, { cause }), free: isUnknown }
  }

  /** The one that is a transaction, if it was opened. */
  #transactional(): HeldSession | undefined {
    for (const session of this.#open) if (session.isTransaction) return session
    return undefined
  }

  /** Gives everything back: what was committed is closed, what was not is rolled back. */
  async #endAs(end: SessionEnd): Promise<SessionEnd> {
    this.#isOver = true
    const isCommitted = end.kind === 'recorded' || end.kind === 'committed'
    for (const session of this.#open) {
      if (isCommitted && session.isTransaction) await session.close(false)
      else await session.discard()
    }
    this.#open.clear()
    return end
  }

  async #discard(session: HeldSession): Promise<void> {
    this.#open.delete(session)
    await session.discard()
  }

  async #discardAll(): Promise<void> {
    this.#isOver = true
    await Promise.all([...this.#open].map((session) => this.#discard(session)))
  }

  /** What is being opened is open, or was refused. */
  async #settled(): Promise<void> {
    this.#isOver = true
    await Promise.allSettled(this.#handles.values())
  }

  #tooLate(name: string): AfterwordError {
    return new AfterwordError('SESSION_ENDED', {
      session: name,
      owner: this.#owner,
      used: `session.${name}`,
      agoMs: 0,
      how: 'over with its attempt',
      by: this.#owner,
    })
  }
}

/** What was committed once is the result, whatever a later attempt came to. */
function asSuccess({ outcome }: OutcomeRow, { id, claims }: ClaimedTask, later?: Success): Success {
  return { id, claims, move: 'succeed', forget: later?.forget ?? false, ...outcome }
}
