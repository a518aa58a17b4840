import type { AddArguments, ResultOf } from './define-task.ts'
import type { ResponseTasks } from './http/response-tasks.ts'
import { type AddOptions, onStatus } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import type { OnStatus, TaskId } from './model/task.ts'
import type { Added } from './ports/store.ts'
import { type Draft, type HeldDraft, heldDraft, refusal } from './task-draft.ts'
import type { TaskHandle } from './task-handle.ts'
import { TaskTicket } from './task-ticket.ts'

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
   * Stores drafts; `done` is called once, when they are durable or refused. They are claimed at once where the lane has
   * room, and held until they are released; with `unanswered` also where it has none, so that nobody starts them.
   */
  store(
    drafts: readonly Draft[],
    unanswered: boolean,
    done: (error: Error | undefined, added: readonly Added[], from: number) => void,
  ): void
  /** The task may start now, if it was stored and claimed here and there is room; else its hold ends. */
  release(draft: HeldDraft, added: Added | undefined): void
  /** A draft left the buffer without being stored. */
  released(count: number): void
  dropped(draft: Draft, status: number): void
  defer(callback: () => unknown, requestId: string | undefined): void
  opened(tasks: BackgroundTasks): void
  /** Its connection is gone and no status has left; the handler may still leave one. */
  unanswered(tasks: BackgroundTasks): void
  closed(tasks: BackgroundTasks): void
}

interface Deferred {
  readonly callback: () => unknown
  readonly on: OnStatus
}

/** What the client gets when its tasks could not be stored. */
const REFUSED = 503

/**
 * The tasks of one response. `add` gathers; the gate stores all of them in one transaction just before the head of the
 * answer leaves, keeping or dropping each by the answer's status; they start when the answer is out.
 *
 * Tasks of one response are a series: they run one after another in the order added, also those that other code below
 * the same request added. A task with a delay, or `parallel: true`, stands outside of it.
 */
export class BackgroundTasks implements ResponseTasks {
  pending = false
  /** For the list of open responses. */
  place = -1
  readonly #desk: TaskDesk
  readonly #requestId: string | undefined
  #buffer: Draft[] = []
  /** Made with the first `defer`: most responses have none. */
  #deferred: Deferred[] | undefined
  /** Deferred functions that the status kept; they start with the tasks. */
  #keptDeferred: Deferred[] | undefined
  /** Stored, and waiting for the answer to be out. */
  #held: { readonly draft: HeldDraft; readonly added: Added | undefined }[] = []
  #first: TaskId | undefined
  /** Whom the next one waits behind: a draft, or the id of an earlier one when that was there already. */
  #last: Draft | TaskId | undefined
  #settling: Promise<void> | undefined
  /** Commits under way: neither a further commit nor the head may overtake them. */
  #committing: Promise<void> | undefined
  /** Why nothing was kept when the shutdown settled this response in the handler's place. */
  #failure: Error | undefined
  #sent = false
  #closed = false

  constructor(desk: TaskDesk, requestId: string | undefined) {
    this.#desk = desk
    this.#requestId = requestId
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
    const draft = this.#desk.draft(definition, input, options, this.#requestId)
    const ticket = new TaskTicket(draft.id)
    draft.ticket = ticket
    this.#buffer.push(draft)
    if (this.#sent) this.commit().catch(() => undefined)
    else this.pending = true
    return ticket
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
    if (this.#sent) {
      ;(this.#keptDeferred ??= []).push(deferred)
      if (this.#closed) this.#start()
    } else {
      ;(this.#deferred ??= []).push(deferred)
      this.pending = true
    }
  }

  /**
   * Stores what was added so far, whatever the status will be, and resolves when it is durable: for streamed answers
   * that want to name a task in their first bytes. Rejects with a coded error when nothing of it was stored.
   */
  async commit(): Promise<void> {
    const buffer = this.#takeBuffer()
    if (buffer.length > 0) {
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

  settle(status: number): Promise<void> | undefined {
    if (this.#sent) {
      return this.#failure !== undefined && status < 400 ? Promise.reject(this.#failure) : this.#settling
    }
    this.#sent = true
    this.pending = false
    this.#keepDeferred(status)
    const kept = this.#sift(this.#takeBuffer(), status)
    const committing = this.#committing
    if (kept.length === 0 && committing === undefined) {
      this.#forgetWhenOver()
      return undefined
    }
    this.#settling = new Promise<void>((resolve, reject) => {
      const done = (error: Error | undefined): void => {
        this.#settling = undefined
        if (error === undefined) return resolve()
        this.#failure = error
        // The answer is a refusal now.
        this.#keptDeferred = this.#keptDeferred?.filter(({ on }) => isKept(on, REFUSED))
        reject(error)
      }
      if (committing === undefined) this.#storeBuffer(kept, done)
      else {
        void Promise.all([committing, this.#storeNow(kept)])
          .then(() => done(undefined), done)
          .finally(() => this.#closed && this.#start())
      }
    })
    return this.#settling
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#sent) this.#start()
    else this.#desk.unanswered(this)
  }

  /** The client is gone and the handler has not answered in time, or the background stops: counts as a success. */
  settleUnanswered(): Promise<void> | undefined {
    return this.settle(200)
  }

  #takeBuffer(): Draft[] {
    const buffer = this.#buffer
    this.#buffer = []
    return buffer
  }

  /** Drops by status what the answer does not keep. */
  #sift(buffer: Draft[], status: number): Draft[] {
    if (buffer.every((draft) => isKept(draft.on, status))) return buffer
    return buffer.filter((draft) => {
      const { name, on } = draft
      if (isKept(on, status)) return true
      this.#desk.released(1)
      this.#desk.dropped(draft, status)
      draft.ticket?.settle(new AfterwordError('TASK_DROPPED', { name, status, on }))
      return false
    })
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
      this.#storeBuffer(buffer, (error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  #storeBuffer(buffer: readonly Draft[], done?: (error: Error | undefined) => void): void {
    this.#chain(buffer)
    this.#desk.store(buffer, !this.#closed, (error, added, from) => {
      for (let i = 0; i < buffer.length; i++) this.#stored(buffer[i]!, error, added[from + i])
      if (error === undefined) this.#relink(buffer, added, from)
      done?.(error)
      if (this.#closed) this.#start()
    })
  }

  /** Links the tasks of this response, in the order added. A single one needs no link until another comes. */
  #chain(buffer: readonly Draft[]): void {
    const inSeries = buffer.every((draft) => draft.inSeries) ? buffer : buffer.filter((draft) => draft.inSeries)
    for (const draft of inSeries) {
      draft.after = typeof this.#last === 'object' ? this.#last.id : this.#last
      if (this.#first !== undefined || inSeries.length > 1) draft.series = this.#first ?? draft.id
      this.#first ??= draft.id
      this.#last = draft
    }
  }

  /** A task that was there already is no link of this series: what comes next waits for the one before it. */
  #relink(buffer: readonly Draft[], added: readonly Added[], from: number): void {
    for (let i = buffer.length - 1; i >= 0; i--) {
      const draft = buffer[i]!
      if (!draft.inSeries) continue
      // The end of the chain is a link, or others were put behind it meanwhile.
      if (this.#last !== draft || added[from + i]!.kind === 'added') return
      const before = buffer.findLast((other, at) => at < i && other.inSeries)
      this.#last = before ?? draft.after ?? draft.id
    }
  }

  #stored(draft: Draft, error: Error | undefined, added: Added | undefined): void {
    draft.ticket?.settle(error ?? refusal(draft, added))
    if (draft.claimFor === undefined) return
    if (this.#closed) this.#desk.release(draft, added)
    else this.#held.push({ draft: heldDraft(draft), added })
  }

  /** The answer is out: hands over what is stored. What is stored later follows by itself. */
  #start(): void {
    for (const { draft, added } of this.#held) this.#desk.release(draft, added)
    this.#held = []
    if (this.#keptDeferred !== undefined && this.#settling === undefined) {
      for (const { callback } of this.#keptDeferred) this.#desk.defer(callback, this.#requestId)
      this.#keptDeferred = undefined
    }
    this.#forgetWhenOver()
  }

  #forgetWhenOver(): void {
    if (this.#closed && this.#sent && this.#settling === undefined) this.#desk.closed(this)
  }
}

function isKept(on: OnStatus, status: number): boolean {
  return on === 'always' || (on === 'success') === status < 400
}
