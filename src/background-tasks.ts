import type { AddOptions } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import type { OnStatus, TaskId } from './model/task.ts'
import type { AddArguments } from './define-task.ts'
import type { Added } from './ports/store.ts'
import type { ResponseTasks } from './http/response-tasks.ts'
import { type Draft, refusal } from './task-draft.ts'
import { TaskTicket } from './task-ticket.ts'

/** What `add` returns: the identity at once, the durability as a promise. */
export interface TaskHandle {
  readonly id: TaskId
  /**
   * Resolves when the task is stored as durably as asked; rejects with a coded error when it was not stored
   * (`TASK_DROPPED`, `TASK_ID_TAKEN`, `STORE_FULL`, …). Ignoring it is safe: no unhandled rejection comes of it.
   */
  readonly committed: Promise<void>
}

/** What a response's task list asks of its background. */
export interface TaskDesk {
  /** Checks everything and makes the row; throws a coded error. Counts against the buffer until it is released. */
  draft(definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined, requestId: string | undefined): Draft
  /** Stores drafts, claimed at once where the lane has room (and then held); `done` is called once, when they are durable or refused. */
  store(drafts: readonly Draft[], done: (error: unknown, added: readonly Added[], from: number) => void): void
  /** The draft may start now, if it was stored and claimed here; else its hold ends. */
  release(draft: Draft, added: Added | undefined): void
  /** A draft left the buffer without being stored. */
  released(count: number): void
  dropped(draft: Draft, status: number): void
  defer(callback: () => unknown, requestId: string | undefined): void
  opened(tasks: BackgroundTasks): void
  /** Its connection is gone and no status has left; the handler may still leave one. */
  unanswered(tasks: BackgroundTasks): void
  closed(tasks: BackgroundTasks): void
}

/**
 * The tasks of one response. `add` gathers; the gate stores all of them in one transaction just before the head of the
 * answer leaves, keeping or dropping each by the answer's status; they start when the answer is out.
 *
 * Tasks of one response are a series: they run one after another in the order added, also those that other code below
 * the same request added. A task with a delay, or `parallel: true`, stands outside of it.
 */
export class BackgroundTasks implements ResponseTasks {
  pending = false
  readonly #desk: TaskDesk
  readonly #requestId: string | undefined
  #buffer: Draft[] = []
  /** Made with the first `defer`: most responses have none. */
  #deferred: { readonly callback: () => unknown; readonly on: OnStatus }[] | undefined
  /** Deferred functions that the status kept; they start with the tasks. */
  #keptDeferred: (() => unknown)[] | undefined
  /** Stored, and waiting for the answer to be out. */
  #held: { readonly draft: Draft; readonly added: Added | undefined }[] = []
  #first: TaskId | undefined
  #last: TaskId | undefined
  #settling: Promise<void> | undefined
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
  add<D extends AnyTaskDefinition>(definition: D, ...[input, options]: AddArguments<D>): TaskHandle {
    const draft = this.#desk.draft(definition, input, options, this.#requestId)
    const ticket = new TaskTicket(draft.id)
    draft.ticket = ticket
    this.#buffer.push(draft)
    if (this.#sent) this.#storeBuffer(this.#takeBuffer())
    else this.pending = true
    return ticket
  }

  /**
   * A plain function to call after the response, in this process only: waited for when the background stops, lost if the
   * process dies. Its tasks' siblings by `add` are the ones that are never lost.
   *
   * @param options.on  which answers keep it; `success` by default.
   */
  defer(callback: () => unknown, options: { readonly on?: OnStatus } = {}): void {
    if (typeof callback !== 'function') {
      throw new AfterwordError('OPTION_INVALID', { where: 'defer', option: 'callback', expected: 'a function', got: typeof callback })
    }
    ;(this.#deferred ??= []).push({ callback, on: options.on ?? 'success' })
    if (this.#sent) this.#keepDeferred(200)
    else this.pending = true
  }

  /**
   * Stores what was added so far, whatever the status will be, and resolves when it is durable: for streamed answers
   * that want to name a task in their first bytes. Rejects with a coded error when nothing of it was stored.
   */
  async commit(): Promise<void> {
    const buffer = this.#takeBuffer()
    this.pending = this.#deferred !== undefined
    if (buffer.length > 0) await new Promise<void>((resolve, reject) => this.#storeBuffer(buffer, (error) => (error === undefined ? resolve() : reject(error as Error))))
  }

  settle(status: number): Promise<void> | undefined {
    if (this.#sent) return this.#settling
    this.#sent = true
    this.pending = false
    this.#keepDeferred(status)
    const kept = this.#sift(this.#takeBuffer(), status)
    if (kept.length === 0) {
      this.#forgetWhenOver()
      return undefined
    }
    this.#settling = new Promise<void>((resolve, reject) => {
      this.#storeBuffer(kept, (error) => {
        this.#settling = undefined
        if (error === undefined) return resolve()
        this.#keptDeferred = undefined
        reject(error as Error)
      })
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
    const kept = this.#deferred.filter(({ on }) => isKept(on, status)).map(({ callback }) => callback)
    this.#keptDeferred = [...(this.#keptDeferred ?? []), ...kept]
    this.#deferred = undefined
    if (this.#closed) this.#start()
  }

  #storeBuffer(buffer: readonly Draft[], done?: (error: unknown) => void): void {
    this.#chain(buffer)
    this.#desk.store(buffer, (error, added, from) => {
      for (let i = 0; i < buffer.length; i++) this.#stored(buffer[i]!, error, added[from + i])
      done?.(error)
      if (this.#closed) this.#start()
    })
  }

  /** Links the tasks of this response, in the order added. A single one needs no link until another comes. */
  #chain(buffer: readonly Draft[]): void {
    const inSeries = buffer.every((draft) => draft.inSeries) ? buffer : buffer.filter((draft) => draft.inSeries)
    for (const draft of inSeries) {
      draft.after = this.#last
      if (this.#first !== undefined || inSeries.length > 1) draft.series = this.#first ?? draft.id
      this.#first ??= draft.id
      this.#last = draft.id
    }
  }

  #stored(draft: Draft, error: unknown, added: Added | undefined): void {
    draft.ticket?.settle(error ?? refusal(draft, added))
    if (draft.claimFor === undefined) return
    if (this.#closed) this.#desk.release(draft, added)
    else this.#held.push({ draft, added })
  }

  /** The answer is out: hands over what is stored. What is stored later follows by itself. */
  #start(): void {
    for (const { draft, added } of this.#held) this.#desk.release(draft, added)
    this.#held = []
    if (this.#keptDeferred !== undefined && this.#settling === undefined) {
      for (const callback of this.#keptDeferred) this.#desk.defer(callback, this.#requestId)
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
