import { AfterwordError } from '../model/errors.ts'
import type { OpenSession, SessionProvider, SessionSql, SqlValue } from '../model/session.ts'
import type { Clock } from '../ports/clock.ts'
import { guarded } from './guard.ts'
import { inTime } from './in-time.ts'

/** So long a rollback may take before the connection is given up instead, in milliseconds. */
const ROLLBACK_MS_MAX = 5_000

/** How a session ended, to complete "after it was …". */
export type SessionEnding = 'committed' | 'rolled back' | 'closed'

/** What a session that is held belongs to. */
export interface Holding {
  /** The name of its provider. */
  readonly name: string
  /** Whose it is, for messages: `task "send-welcome" (…, attempt 2)`, `request POST /signup`. */
  readonly owner: string
  readonly provider: SessionProvider
  readonly clock: Clock
  /** Who is running at this moment, for messages. */
  here(): string
  /** It is closed, and what it held was given back. */
  closed(session: HeldSession): void
}

/** An open session of an attempt or a request, and its end: after that every use is refused, by name. */
export class HeldSession {
  readonly name: string
  readonly owner: string
  readonly provider: SessionProvider
  readonly openedAtMs: number
  /** What its owner works with. */
  readonly handle: unknown
  /** Called when its transaction has ended, before anybody else can have the connection. */
  ended: (() => void) | undefined
  readonly #open: OpenSession
  readonly #holding: Holding
  #ending: SessionEnding | undefined
  #endedAtMs = 0
  #isClosed = false

  constructor(open: OpenSession, holding: Holding) {
    this.name = holding.name
    this.owner = holding.owner
    this.provider = holding.provider
    this.#open = open
    this.#holding = holding
    this.openedAtMs = holding.clock.monotonicMs()
    const isPart = open.isPart?.bind(open)
    this.handle = guarded(open.handle, (used) => this.#refusal(used), { isPart })
  }

  get sql(): SessionSql | undefined {
    return this.#open.sql
  }

  get isTransaction(): boolean {
    return this.provider.transaction
  }

  /** Queries that have no answer yet. */
  get running(): number {
    return this.#open.running?.() ?? 0
  }

  /** Refuses further use from the first call on. */
  end(how: SessionEnding): void {
    if (this.#ending === undefined) this.#endedAtMs = this.#holding.clock.monotonicMs()
    this.#ending = how
  }

  /** Makes it permanent; what the database answers is thrown. `end` comes before it, `close` after it. */
  async commit(): Promise<void> {
    await this.#open.commit()
  }

  /** Whether a last statement can go with the commit, in one trip to the server. */
  get commitsWith(): boolean {
    return this.#open.commitWith !== undefined
  }

  /** As `commit`, with that statement: where it fails, nothing is permanent. */
  async commitWith(sql: string, values: readonly SqlValue[]): Promise<void> {
    await this.#open.commitWith!(sql, values)
  }

  /**
   * Takes it back, where there is a transaction, and gives back what it holds. A connection that does not answer is given up.
   * Never rejects.
   *
   * @returns whether the connection was sound to the end: a transaction is taken back for certain.
   */
  async discard(): Promise<boolean> {
    if (this.#isClosed) return true
    this.end(this.isTransaction ? 'rolled back' : 'closed')
    const isSound = this.isTransaction ? await this.#rolledBack() : this.running === 0
    await this.close(!isSound)
    return isSound
  }

  /** Gives back what it holds. Closing twice is fine. Never rejects: what was to be said of the connection was said before. */
  async close(broken: boolean): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#ending === undefined) this.end('closed')
    this.ended?.()
    try {
      await this.#open.close(broken)
    } catch {
      // The pool has thrown it away.
    }
    this.#holding.closed(this)
  }

  async #rolledBack(): Promise<boolean> {
    const rolledBack = Promise.try(() => this.#open.rollback()).then(
      () => true,
      () => false,
    )
    return (await inTime(rolledBack, ROLLBACK_MS_MAX, this.#holding.clock, true)) === true
  }

  #refusal(used: string): AfterwordError | undefined {
    if (this.#ending === undefined) return undefined
    const { name, owner } = this
    const agoMs = Math.round(this.#holding.clock.monotonicMs() - this.#endedAtMs)
    return new AfterwordError('SESSION_ENDED', {
      session: name,
      owner,
      used,
      agoMs,
      how: this.#ending,
      by: this.#holding.here(),
    })
  }
}
