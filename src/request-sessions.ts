import { asError } from './model/as-error.ts'
import { AfterwordError } from './model/errors.ts'
import type { RegisteredSessions } from './model/register.ts'
import type { SessionProviders, SessionSql } from './model/session.ts'
import type { StoreJoin } from './ports/store.ts'
import { runningNow } from './running-now.ts'
import type { HeldSession } from './sessions/held-session.ts'
import { enterSessions, type OwnSessions } from './sessions/own-sessions.ts'
import type { SessionBook } from './sessions/session-book.ts'
import { sessionHandles } from './sessions/session-handles.ts'

/** One that was asked for. */
interface Asked {
  readonly name: string
  readonly isTransaction: boolean
  readonly handle: Promise<unknown>
  /** Undefined while it is being opened. */
  held: HeldSession | undefined
}

/**
 * The database sessions of one request: each is opened when the handler first asks for it. The one with a transaction ends
 * with the status of the answer, before its head leaves; those without end when the answer is out.
 */
export class RequestSessions implements OwnSessions {
  /** What the handler sees of them. */
  readonly handles = sessionHandles<RegisteredSessions>((name) => this.#handle(name))
  readonly #book: SessionBook
  readonly #providers: SessionProviders
  readonly #owner: string
  readonly #join: (sql: SessionSql) => StoreJoin | undefined
  readonly #asked = new Map<string, Asked>()
  /** What no transaction can be opened after, to complete "after …". */
  #settled: string | undefined
  #isClosed = false

  /**
   * @param owner  whose they are, for messages: `request POST /signup`.
   * @param join  a way from a session into the store; undefined when that is another database.
   */
  constructor(
    book: SessionBook,
    providers: SessionProviders,
    owner: string,
    join: (sql: SessionSql) => StoreJoin | undefined,
  ) {
    this.#join = join
    this.#book = book
    this.#providers = providers
    this.#owner = owner
  }

  /**
   * The status of the answer is known: below 400 the transaction is committed, else rolled back. From here on none is opened.
   * Never rejects.
   *
   * @param status  undefined when nobody waits for an answer any more and the handler has left none: what it had done by then
   *   may be half of something, so it is taken back.
   * @returns undefined when there is nothing to wait for; else a promise of why the answer cannot stand, if it cannot.
   */
  settle(status: number | undefined): Promise<AfterwordError | undefined> | undefined {
    this.#settled = status === undefined ? 'nobody waited for its answer any more' : 'the head of its answer had left'
    const asked = this.#transaction()
    if (asked === undefined) return undefined
    if (status === undefined) return this.#takeBack(asked)
    // One that is still being opened was given to nobody: there is nothing in it.
    return asked.held === undefined ? undefined : this.#end(asked.held, status)
  }

  /** The answer is out, or nobody waits for it any more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { held, isTransaction } of this.#asked.values()) if (!isTransaction) void held?.discard()
  }

  holdingStore(): { session: string; owner: string } | undefined {
    const { held } = this.#transaction() ?? {}
    const isHolding = this.#settled === undefined && held?.ended !== undefined
    return isHolding ? { session: held.name, owner: this.#owner } : undefined
  }

  #handle(name: string): Promise<unknown> {
    enterSessions(this)
    const known = this.#asked.get(name)
    if (known !== undefined) return known.handle
    const provider = Object.hasOwn(this.#providers, name) ? this.#providers[name] : undefined
    const isTransaction = provider?.transaction === true
    if (provider !== undefined && this.#isOver(isTransaction)) throw this.#late(name)
    const first = isTransaction ? this.#transaction() : undefined
    if (first !== undefined) {
      throw new AfterwordError('SESSION_SECOND_DATABASE', { session: name, first: first.name, owner: this.#owner })
    }
    const opening = this.#book.open(name, this.#providers, this.#owner)
    const asked: Asked = {
      name,
      isTransaction,
      held: undefined,
      handle: opening.then((held) => this.#opened(asked, held)),
    }
    this.#asked.set(name, asked)
    // The next one who asks tries again.
    opening.catch(() => this.#asked.delete(name))
    return asked.handle
  }

  #opened(asked: Asked, held: HeldSession): unknown {
    if (this.#isOver(asked.isTransaction)) void held.discard()
    else asked.held = held
    const join = asked.isTransaction && held.sql !== undefined ? this.#join(held.sql) : undefined
    if (join !== undefined) held.ended = () => join.ended()
    return held.handle
  }

  #isOver(isTransaction: boolean): boolean {
    return this.#isClosed || (isTransaction && this.#settled !== undefined)
  }

  #transaction(): Asked | undefined {
    return this.#asked.values().find(({ isTransaction }) => isTransaction)
  }

  async #end(held: HeldSession, status: number): Promise<AfterwordError | undefined> {
    const { name: session, owner, running } = held
    if (status < 400 && running === 0) return this.#commit(held)
    await held.discard()
    return status < 400 ? new AfterwordError('SESSION_QUERY_RUNNING', { session, owner, running }) : undefined
  }

  async #commit(held: HeldSession): Promise<AfterwordError | undefined> {
    held.end('committed')
    try {
      await held.commit()
    } catch (error) {
      const isTakenBack = await held.discard()
      if (error instanceof AfterwordError) return error
      const cause = asError(error)
      const facts = { session: held.name, owner: held.owner, reason: cause.message }
      // Where the connection still takes a rollback, the database has answered the commit: with a no.
      return new AfterwordError(isTakenBack ? 'SESSION_COMMIT_FAILED' : 'SESSION_COMMIT_UNKNOWN', facts, { cause })
    }
    void held.close(false)
    return undefined
  }

  async #takeBack({ name: session, held }: Asked): Promise<AfterwordError> {
    await held?.discard()
    return new AfterwordError('SESSION_UNANSWERED', { session, owner: this.#owner })
  }

  #late(session: string): AfterwordError {
    const after = this.#isClosed ? 'its answer was out' : this.#settled!
    return new AfterwordError('SESSION_TOO_LATE', { session, owner: this.#owner, after, by: runningNow() })
  }
}
