import type { DeferringRequest } from './deferrals.ts'
import type { Placed } from './engine/bag.ts'
import type { ResponseTasks, Settled } from './http/response-tasks.ts'
import type { AddArguments, ResultOf } from './model/add-arguments.ts'
import { type AddOptions, onStatus } from './model/add-options.ts'
import { asError } from './model/as-error.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import type { RegisteredSessions } from './model/register.ts'
import type { Sessions } from './model/session.ts'
import type { TaskHandle } from './model/task-handle.ts'
import type { OnStatus, TaskId } from './model/task.ts'
import type { Added } from './ports/store.ts'
import { refuseOwnWait } from './refuse-own-wait.ts'
import type { RequestSessions } from './request-sessions.ts'
import { type Draft, type HeldDraft, heldDraft, refusal } from './task-draft.ts'
import { TaskTicket } from './task-ticket.ts'
import type { TransactionHolder, TransactionTasks } from './transaction-tasks.ts'

/** Who waits for drafts to be stored. */
export interface DraftReceiver {
  /** `added` holds the answers for more than these drafts: theirs begin at `from`. */
  stored(drafts: readonly Draft[], error: Error | undefined, added: readonly Added[], from: number): void
}

/** What a response's task list asks of its background. */
export interface TaskDesk {
  /** Checks everything and makes the row; throws a coded error. Counts against the buffer until it is released. */
  draft(
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
    requestId: string | undefined,
  ): Draft
  /**
   * Stores drafts; `receiver` is told once, when they are durable or refused. They are claimed at once where the lane has
   * room, and held until they are released; with `unanswered` also where it has none, so that nobody starts them.
   */
  store(drafts: readonly Draft[], unanswered: boolean, receiver: DraftReceiver): void
  /** The task may start now, if it was stored and claimed here and there is room; else its hold ends. */
  release(draft: HeldDraft, added: Added | undefined): void
  /** A draft left the buffer without being stored. */
  released(count: number): void
  dropped(draft: Draft, status: number): void
  defer(callback: () => unknown, request: DeferringRequest): void
  in(transaction: unknown, holder: TransactionHolder): TransactionTasks
  /** The database sessions of a response; none is opened yet. */
  sessions(owner: string): RequestSessions
  opened(tasks: BackgroundTasks): void
  /** Its connection is gone and no status has left; the handler may still leave one. */
  unanswered(tasks: BackgroundTasks): void
  closed(tasks: BackgroundTasks): void
}

interface Deferred {
  readonly callback: () => unknown
  readonly on: OnStatus
}

/** Stored, and waiting for the answer to be out. */
interface Held {
  readonly draft: HeldDraft
  readonly added: Added | undefined
}

const NOTHING: readonly Draft[] = []
const NONE_ADDED: readonly Added[] = []

/** What the client gets when its tasks could not be stored. */
const REFUSED = 503

/**
 * The tasks of one response. `add` gathers; the gate stores all of them in one transaction just before the head of the
 * answer leaves, keeping or dropping each by the answer's status; they start when the answer is out.
 *
 * Tasks of one response are a series: they run one after another in the order added, also those that other code below
 * the same request added. A task with a delay, or `parallel: true`, stands outside of it.
 */
export class BackgroundTasks implements ResponseTasks, DraftReceiver, Placed {
  pending = false
  /** Among the open responses. */
  place = -1
  readonly #desk: TaskDesk
  readonly #request: DeferringRequest
  /** Lists that mostly hold one thing are made with it: an empty one makes room for sixteen when it gets its first. */
  #buffer: Draft[] | undefined
  /** Made with the first `defer`: most responses have none. */
  #deferred: Deferred[] | undefined
  /** Deferred functions that the status kept; they start with the tasks. */
  #keptDeferred: Deferred[] | undefined
  /** Stored, and waiting for the answer to be out. */
  #held: Held[] | undefined
  #first: TaskId | undefined
  /** Whom the next one waits behind: a draft, or the id of an earlier one when that was there already. */
  #last: Draft | TaskId | undefined
  /** What the status kept, on its way into the store, and who waits for that. */
  #settling: readonly Draft[] | undefined
  #settled: Settled | undefined
  /** Links of the series that are being stored under ids of the application's own: they may turn out to be none. */
  #unsure = 0
  /** What waits for that, in the order added: who comes next must know whom to wait behind. */
  #behind: (() => void)[] | undefined
  /** Commits under way: neither a further commit nor the head may overtake them. */
  #committing: Promise<void> | undefined
  /** Why nothing was kept when the shutdown settled this response in the handler's place. */
  #failure: Error | undefined
  /** Made with the first question for `session`: most responses have none. */
  #sessions: RequestSessions | undefined
  /** The end of its transaction: what is added meanwhile shares its fate, and further commits come after it. */
  #ending: Promise<void> | undefined
  #sent = false
  #closed = false

  constructor(desk: TaskDesk, request: DeferringRequest) {
    this.#desk = desk
    this.#request = request
    desk.opened(this)
  }

  /**
   * Adds a task to this response. Synchronous: what is wrong is thrown here. Once the head of the answer is out it is
   * stored at once instead of with the head.
   *
   * @throws TASK_INPUT_INVALID, TASK_INPUT_NOT_STORABLE, TASK_INPUT_TOO_LARGE, TASK_SCHEMA_ASYNC, TASK_NOT_REGISTERED,
   *   TASK_ID_INVALID, OPTION_UNKNOWN, OPTION_INVALID, DURATION_INVALID, BUFFER_FULL, BACKLOG_FULL, BACKGROUND_STOPPED.
   */
  add<D extends AnyTaskDefinition>(definition: D, ...[input, options]: AddArguments<D>): TaskHandle<ResultOf<D>> {
    const draft = this.#desk.draft(definition, input, options, this.#request.requestId)
    const ticket = new TaskTicket(draft.id)
    draft.ticket = ticket
    if (this.#buffer === undefined) this.#buffer = [draft]
    else this.#buffer.push(draft)
    if (this.#hasLeft) this.commit().catch(() => undefined)
    else this.pending = true
    return ticket
  }

  /**
   * The database sessions of this response, by the names of the option `sessions`: `const db = await tasks.session.db`. Opened
   * when first asked for, the same one for the whole request. Its transaction is committed when the answer's status is below
   * 400, else rolled back, before the head of the answer leaves; with `transaction: false` it is closed when the answer is out.
   *
   * The promise rejects with SESSION_UNKNOWN, SESSION_NOT_OPENED, SESSION_POOL_DRY, SESSION_SECOND_DATABASE, or
   * SESSION_TOO_LATE. A session that has ended throws SESSION_ENDED.
   */
  get session(): Sessions<RegisteredSessions> {
    this.#sessions ??= this.#makeSessions()
    return this.#sessions.handles
  }

  /**
   * The way into a transaction that is open, of one of the option `sessions`, or begun by yourself with the library of one of them.
   * What is added there is stored with its commit, or not at all, and starts when the answer is out; the status of the answer does
   * not count for it, and it stands outside of the series.
   *
   * ```ts
   * const db = await request.tasks.session.db
   * await request.tasks.in(db).add(sendWelcome, { userId })
   * ```
   */
  in(transaction: unknown): TransactionTasks {
    return this.#desk.in(transaction, {
      requestId: this.#request.requestId,
      keep: (draft, added) => this.#hold(draft, added),
    })
  }

  /**
   * A plain function to call after the response, in this process only: waited for when the background stops, lost if the
   * process dies. Its tasks' siblings by `add` are the ones that are never lost.
   *
   * @param options.on  which answers keep it; `success` by default. Once the head of the answer is out it is kept anyway.
   * @throws OPTION_INVALID.
   */
  defer(callback: () => unknown, options: { readonly on?: OnStatus } = {}): void {
    if (typeof callback !== 'function') {
      throw new AfterwordError('OPTION_INVALID', {
        where: 'defer',
        option: 'callback',
        expected: 'a function',
        got: typeof callback,
      })
    }
    const deferred = { callback, on: options.on === undefined ? 'success' : onStatus.read(options.on, 'defer', 'on') }
    if (this.#hasLeft) {
      ;(this.#keptDeferred ??= []).push(deferred)
      if (this.#closed) this.#start()
    } else {
      ;(this.#deferred ??= []).push(deferred)
      this.pending = true
    }
  }

  /**
   * Stores what was added so far, whatever the status will be, and resolves when it is durable: for streamed answers
   * that want to name a task in their first bytes. Rejects with a coded error when nothing of it was stored; with
   * SESSION_WAITS_FOR_ITSELF where a session of this request holds the file of the store.
   */
  async commit(): Promise<void> {
    if (this.#buffer !== undefined) refuseOwnWait(this.#buffer[0]!)
    if (this.#ending !== undefined) await this.#ending
    const buffer = this.#takeBuffer()
    if (buffer !== undefined) {
      const storing = this.#storeNow(buffer)
      const all =
        this.#committing === undefined ? storing : Promise.all([this.#committing, storing]).then(() => undefined)
      const over = (): void => {
        if (this.#committing === all) this.#committing = undefined
      }
      this.#committing = all
      all.then(over, over)
    }
    await this.#committing
  }

  get isSettled(): boolean {
    return this.#sent && this.#settling === undefined && this.#failure === undefined
  }

  settle(status: number, settled: Settled): boolean {
    return this.#sent ? this.#settleAgain(status, settled) : this.#settleFirst(status, settled)
  }

  /** @param status  undefined when nobody waits for an answer any more. */
  #settleFirst(status: number | undefined, settled: Settled): boolean {
    this.#sent = true
    this.pending = false
    if (this.#sessions !== undefined && this.#endSessions(this.#sessions, status, settled)) return true
    return this.#settleTasks(status ?? 200, settled)
  }

  /** False when the head has nothing to wait for: nothing is kept, and nothing is being committed. */
  #settleTasks(status: number, settled: Settled): boolean {
    this.#keepDeferred(status)
    const kept = this.#sift(this.#takeBuffer(), status)
    const committing = this.#committing
    if (kept === undefined && committing === undefined) {
      this.#forgetWhenOver()
      return false
    }
    this.#settling = kept ?? NOTHING
    this.#settled = settled
    if (committing === undefined) this.#store(this.#settling, this)
    else this.#settleAfter(committing, this.#settling)
    return true
  }

  /** Ends the transaction, and then settles the tasks by the status that leaves. False when there is none. */
  #endSessions(sessions: RequestSessions, status: number | undefined, settled: Settled): boolean {
    const ended = sessions.settle(status)
    if (ended === undefined) return false
    this.#settling = NOTHING
    this.#settled = settled
    this.#ending = ended.then((error) => {
      this.#ending = undefined
      this.#failure = error
      // An answer that cannot stand leaves as an error, and that status decides what is kept.
      if (this.#settleTasks(error?.statusCode ?? status ?? 200, this.#settled!)) return
      this.#onSettled(error)
      if (this.#closed) this.#start()
    })
    return true
  }

  /** The head was asked for before: by the adapter, or by the shutdown in the handler's place. */
  #settleAgain(status: number, settled: Settled): boolean {
    if (this.#settling !== undefined) {
      const before = this.#settled!
      this.#settled = (error) => {
        before(error)
        settled(error)
      }
      return true
    }
    if (this.#failure === undefined || status >= 400) return false
    const failure = this.#failure
    queueMicrotask(() => settled(failure))
    return true
  }

  /** The head may overtake no commit: what it keeps is stored with it, and it waits for both. */
  #settleAfter(committing: Promise<void>, kept: readonly Draft[]): void {
    void Promise.all([committing, this.#storeNow(kept)])
      .then(
        () => this.#onSettled(undefined),
        (error: unknown) => this.#onSettled(asError(error)),
      )
      .finally(() => this.#closed && this.#start())
  }

  #onSettled(storeError: Error | undefined): void {
    const settled = this.#settled!
    // A session that was not committed says more than what became of the tasks that are kept nevertheless.
    const error = this.#failure ?? storeError
    this.#settling = undefined
    this.#settled = undefined
    if (error !== undefined) {
      this.#failure = error
      // The answer is a refusal now.
      this.#keptDeferred = this.#keptDeferred?.filter(({ on }) => isKept(on, REFUSED))
    }
    try {
      settled(error)
    } catch (thrown) {
      // The application's, thrown as it sent its answer. It ends up where errors of callbacks do, and stops nobody else's answer.
      queueMicrotask(() => {
        throw thrown
      })
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#sent) this.#start()
    else this.#desk.unanswered(this)
  }

  /**
   * The client is gone and the handler has not answered in time, or the background stops: counts as a success. Not so with a
   * transaction, which may be half done: it is rolled back, and an answer that comes nevertheless is refused.
   */
  settleUnanswered(settled: Settled): boolean {
    return this.#sent ? this.#settleAgain(200, settled) : this.#settleFirst(undefined, settled)
  }

  /** Whether the head is out: nothing can be kept or dropped with it any more. */
  get #hasLeft(): boolean {
    return this.#sent && this.#ending === undefined
  }

  #makeSessions(): RequestSessions {
    const sessions = this.#desk.sessions(this.#request.name)
    this.pending = !this.#sent
    if (this.#sent) void sessions.settle(200)
    if (this.#sent && this.#closed) sessions.close()
    return sessions
  }

  #takeBuffer(): readonly Draft[] | undefined {
    const buffer = this.#buffer
    this.#buffer = undefined
    return buffer
  }

  /** Drops by status what the answer does not keep. */
  #sift(buffer: readonly Draft[] | undefined, status: number): readonly Draft[] | undefined {
    if (buffer === undefined || areKept(buffer, status)) return buffer
    const kept = buffer.filter((draft) => isKept(draft.on, status) || this.#drop(draft, status))
    return kept.length === 0 ? undefined : kept
  }

  #drop(draft: Draft, status: number): false {
    const { name, on } = draft
    this.#desk.released(1)
    this.#desk.dropped(draft, status)
    const why = this.#failure === undefined ? undefined : { cause: this.#failure }
    draft.ticket?.settle(new AfterwordError('TASK_DROPPED', { name, status, on }, why))
    return false
  }

  #keepDeferred(status: number): void {
    if (this.#deferred === undefined) return
    this.#keptDeferred = this.#deferred.filter(({ on }) => isKept(on, status))
    this.#deferred = undefined
    if (this.#closed) this.#start()
  }

  #storeNow(buffer: readonly Draft[]): Promise<void> {
    if (buffer.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#store(buffer, {
        stored: (drafts, error, added, from) => {
          this.#keepStored(drafts, error, added, from)
          if (error === undefined) resolve()
          else reject(error)
          if (this.#closed) this.#start()
        },
      })
    })
  }

  #store(buffer: readonly Draft[], receiver: DraftReceiver): void {
    if (this.#unsure > 0) return void (this.#behind ??= []).push(() => this.#store(buffer, receiver))
    this.#chain(buffer)
    this.#desk.store(buffer, !this.#closed, receiver)
  }

  /** What the status kept is stored, or not: the desk's answer to `settle`. */
  stored(drafts: readonly Draft[], error: Error | undefined, added: readonly Added[], from: number): void {
    this.#keepStored(drafts, error, added, from)
    this.#onSettled(error)
    if (this.#closed) this.#start()
  }

  #keepStored(drafts: readonly Draft[], error: Error | undefined, added: readonly Added[], from: number): void {
    for (let i = 0; i < drafts.length; i++) this.#keep(drafts[i]!, error, added[from + i])
    this.#relink(drafts, error === undefined ? added : NONE_ADDED, from)
    if (this.#unsure > 0) this.#goOn(drafts)
  }

  /** What waited behind ids that were not sure is stored, until there is another one. */
  #goOn(answered: readonly Draft[]): void {
    this.#unsure -= answered.filter(isUnsure).length
    while (this.#unsure === 0 && this.#behind !== undefined) {
      const [next, ...rest] = this.#behind
      this.#behind = rest.length === 0 ? undefined : rest
      next!()
    }
  }

  /** Links the tasks of this response, in the order added. A single one needs no link until another comes. */
  #chain(buffer: readonly Draft[]): void {
    const isSeries = this.#first !== undefined || countInSeries(buffer) > 1
    for (const draft of buffer) {
      if (!draft.inSeries) continue
      if (draft.idempotent) this.#unsure++
      draft.after = typeof this.#last === 'object' ? this.#last.id : this.#last
      if (isSeries) draft.series = this.#first ?? draft.id
      this.#first ??= draft.id
      this.#last = draft
    }
  }

  /** A task that was there already, or was not stored, is no link of this series: what comes next waits for the one before it. */
  #relink(buffer: readonly Draft[], added: readonly Added[], from: number): void {
    for (let i = buffer.length - 1; i >= 0; i--) {
      const draft = buffer[i]!
      if (!draft.inSeries) continue
      // The end of the chain is a link, or others were put behind it meanwhile.
      if (this.#last !== draft || added[from + i]?.kind === 'added') return
      const before = buffer.findLast((other, at) => at < i && other.inSeries)
      this.#last = before ?? draft.after ?? draft.id
    }
  }

  #keep(draft: Draft, error: Error | undefined, added: Added | undefined): void {
    draft.ticket?.settle(error ?? refusal(draft, added))
    if (draft.claimFor === undefined) return
    this.#hold(heldDraft(draft), added)
  }

  /** Until the answer is out. */
  #hold(draft: HeldDraft, added: Added | undefined): void {
    if (this.#closed) return this.#desk.release(draft, added)
    const held = { draft, added }
    if (this.#held === undefined) this.#held = [held]
    else this.#held.push(held)
  }

  /** The answer is out: hands over what is stored. What is stored later follows by itself. */
  #start(): void {
    if (this.#held !== undefined) {
      for (const { draft, added } of this.#held) this.#desk.release(draft, added)
      this.#held = undefined
    }
    if (this.#keptDeferred !== undefined && this.#settling === undefined) {
      for (const { callback } of this.#keptDeferred) this.#desk.defer(callback, this.#request)
      this.#keptDeferred = undefined
    }
    this.#forgetWhenOver()
  }

  #forgetWhenOver(): void {
    if (!this.#closed || !this.#sent || this.#settling !== undefined) return
    this.#sessions?.close()
    this.#desk.closed(this)
  }
}

/** A loop: for the one draft that most responses have, a function made for `every` costs more than all of it. */
function areKept(drafts: readonly Draft[], status: number): boolean {
  for (const { on } of drafts) if (!isKept(on, status)) return false
  return true
}

function isUnsure({ inSeries, idempotent }: Draft): boolean {
  return inSeries && idempotent
}

function countInSeries(drafts: readonly Draft[]): number {
  let count = 0
  for (const { inSeries } of drafts) if (inSeries) count++
  return count
}

function isKept(on: OnStatus, status: number): boolean {
  return on === 'always' || (on === 'success') === status < 400
}
