import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { BackgroundTasks, DraftReceiver, TaskDesk } from './background-tasks.ts'
import type { Deferrals, DeferringRequest } from './deferrals.ts'
import type { Addition, AdditionDesk } from './engine/addition.ts'
import type { EventHub } from './engine/event-hub.ts'
import type { AddEntry } from './engine/journal.ts'
import type { Lane } from './engine/lane.ts'
import { newTask } from './engine/new-task.ts'
import type { Registry } from './engine/registry.ts'
import type { Runner } from './engine/runner.ts'
import type { Worker } from './engine/worker.ts'
import { carriedNow, makeDraft } from './make-draft.ts'
import type { AddOptions } from './model/add-options.ts'
import { asError } from './model/as-error.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import type { NewTask, TaskId } from './model/task.ts'
import type { AddingRules } from './ports/executor.ts'
import type { Added, Store } from './ports/store.ts'
import { RequestSessions } from './request-sessions.ts'
import type { Responses } from './responses.ts'
import type { SessionBook } from './sessions/session-book.ts'
import { type BufferDesk, TaskAddition } from './task-addition.ts'
import { type Draft, type HeldDraft, refusal } from './task-draft.ts'
import { TransactionDesk } from './transaction-desk.ts'
import { type TransactionHolder, TransactionTasks } from './transaction-tasks.ts'

/** What a desk is made of. */
export interface DeskParts {
  readonly settings: ReadBackgroundOptions
  readonly ports: Ports
  readonly hub: EventHub
  readonly registry: Registry
  readonly worker: Worker
  readonly runner: Runner
  readonly lanes: ReadonlyMap<string, Lane>
  readonly deferrals: Deferrals
  readonly responses: Responses
  readonly book: SessionBook
  readonly store: Store
  isOpen(): boolean
  /** Undefined when the store is open, else a promise of it. */
  ready(): Promise<unknown> | undefined
}

/** Between the task lists of responses and the engine: checks, budgets, and the way into the journal. */
export class Desk implements TaskDesk, AdditionDesk, BufferDesk {
  readonly #parts: DeskParts
  #buffered = 0
  /** Tasks that were set aside until their answer is out. */
  #aside = 0
  #closed = false
  readonly #transactions: TransactionDesk

  constructor(parts: DeskParts) {
    this.#parts = parts
    const { settings, ports } = parts
    const ready = (): Promise<unknown> | undefined => parts.ready()
    this.#transactions = new TransactionDesk({
      ...parts,
      providers: [settings.sessions, ...settings.tasks.map(({ sessions = {} }) => sessions)],
      clock: ports.clock,
      desk: this,
      ready,
    })
  }

  /** From here on nothing is accepted any more. */
  close(): void {
    this.#closed = true
  }

  draft(
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
    requestId: string | undefined,
  ): Draft {
    const { settings, registry, ports } = this.#parts
    registry.check(definition)
    if (this.#closed) throw new AfterwordError('BACKGROUND_STOPPED', { name: definition.name })
    this.#checkRoom(definition.name)
    const draft = makeDraft(definition, input, options, requestId, settings, ports)
    this.#buffered++
    return draft
  }

  store(drafts: readonly Draft[], unanswered: boolean, receiver: DraftReceiver): void {
    const opening = this.#parts.ready()
    if (opening === undefined) return this.#store(drafts, unanswered, receiver)
    opening.then(
      () => this.#store(drafts, unanswered, receiver),
      (error: unknown) => {
        this.released(drafts.length)
        receiver.stored(drafts, asError(error), [], 0)
      },
    )
  }

  in(transaction: unknown, holder: TransactionHolder | undefined): TransactionTasks {
    return new TransactionTasks(this.#transactions, transaction, holder)
  }

  /** A task that an attempt adds: it is stored with its success, so also while the background stops and lets attempts end. */
  addition(
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
    requestId: string | undefined,
  ): Addition {
    const { settings, registry, ports } = this.#parts
    const { inputBytesMax, durability } = settings
    registry.check(definition)
    this.#checkRoom(definition.name)
    const carried = carriedNow(settings, definition.name)
    const now = ports.clock.now()
    const id = (): TaskId => ports.ids.task()
    return this.adopted(newTask(definition, input, options, { now, inputBytesMax, durability, requestId, carried, id }))
  }

  adopted(task: NewTask): Addition {
    this.#buffered++
    return new TaskAddition(task, this)
  }

  adding(): AddingRules {
    const { settings, registry, worker } = this.#parts
    const { inputBytesMax, durability, bufferMax, backlogMax } = settings
    return { names: registry.names, inputBytesMax, durability, bufferMax, live: worker.live, backlogMax }
  }

  added(task: NewTask, added: Added): void {
    if (added.kind !== 'added') return
    if (task.dueAt !== undefined) this.#parts.worker.expect(task.dueAt)
    this.#parts.hub.emit('task:added', { task, state: added.state })
  }

  /** Stores one task that belongs to no response; it may start at once. `done` is told why it was not stored. */
  storeAlone(draft: Draft, done: (error: Error | undefined) => void): void {
    this.store([draft], false, {
      stored: (_, error, added, from) => {
        this.release(draft, added[from])
        done(error ?? refusal(draft, added[from]))
      },
    })
  }

  /** The journal has stored them, or not. */
  stored(drafts: readonly Draft[], error: Error | undefined, added: readonly Added[], from: number): void {
    this.released(drafts.length)
    if (error !== undefined) return
    for (const draft of drafts) if (draft.dueAt !== undefined) this.#parts.worker.expect(draft.dueAt)
    if (this.#parts.hub.heard('task:added')) this.#announce(drafts, added, from)
  }

  release(draft: HeldDraft, added: Added | undefined): void {
    const { runner, worker, lanes } = this.#parts
    const { queue, claimFor } = draft
    if (claimFor === undefined) return
    if (draft.aside) this.#aside--
    else lanes.get(queue)!.hold(-1)
    // A worker that was declared dead meanwhile does not own it any more; the new owner runs it.
    if (added?.kind !== 'added' || added.state !== 'running' || claimFor !== worker.incarnation) return
    if (draft.aside) worker.giveBack(draft)
    else runner.takeOne(draft)
  }

  released(count: number): void {
    this.#buffered -= count
  }

  dropped(draft: Draft, status: number): void {
    this.#parts.hub.emit('task:dropped', { task: draft, status, on: draft.on })
  }

  defer(callback: () => unknown, request: DeferringRequest): void {
    this.#parts.deferrals.run(callback, request)
  }

  sessions(owner: string): RequestSessions {
    const { book, settings, store } = this.#parts
    return new RequestSessions(book, settings.sessions, owner, (sql) =>
      // Nothing waits in a store that is closed.
      this.#parts.isOpen() ? store.join?.(sql) : undefined,
    )
  }

  opened(tasks: BackgroundTasks): void {
    this.#parts.responses.opened(tasks)
  }

  closed(tasks: BackgroundTasks): void {
    this.#parts.responses.closed(tasks)
  }

  unanswered(tasks: BackgroundTasks): void {
    this.#parts.responses.unanswered(tasks)
  }

  /** Throws BUFFER_FULL, BACKLOG_FULL. */
  #checkRoom(name: string): void {
    const { settings, worker } = this.#parts
    if (this.#buffered >= settings.bufferMax) {
      throw new AfterwordError('BUFFER_FULL', { name, buffered: this.#buffered, max: settings.bufferMax })
    }
    if (worker.live >= settings.backlogMax) {
      throw new AfterwordError('BACKLOG_FULL', { name, live: worker.live, max: settings.backlogMax })
    }
  }

  #store(drafts: readonly Draft[], unanswered: boolean, receiver: DraftReceiver): void {
    for (const draft of drafts) if (draft.dueAt === undefined) this.claim(draft, unanswered)
    this.#parts.worker.journal.add(new Delivery(drafts, this, receiver))
  }

  /** Who shall own the task as it is inserted; with `unanswered` this worker also where it has no room, so that nobody starts it. */
  claim(draft: Draft, unanswered: boolean): void {
    const { worker, lanes, settings } = this.#parts
    const lane = lanes.get(draft.queue)
    const incarnation = lane === undefined ? undefined : worker.claimFor(lane)
    if (lane === undefined || incarnation === undefined) return
    if (lane.takesAdds) draft.early = !lane.hold(1)
    else if (unanswered && this.#aside < settings.bufferMax) {
      this.#aside++
      draft.early = draft.aside = true
    } else return
    draft.claimFor = incarnation
  }

  #announce(drafts: readonly Draft[], added: readonly Added[], from: number): void {
    for (let i = 0; i < drafts.length; i++) {
      const answer = added[from + i]!
      if (answer.kind === 'added') this.#parts.hub.emit('task:added', { task: drafts[i]!, state: answer.state })
    }
  }
}

/** Drafts on their way through the journal. */
class Delivery implements AddEntry {
  readonly tasks: readonly Draft[]
  readonly #desk: Desk
  readonly #receiver: DraftReceiver

  constructor(drafts: readonly Draft[], desk: Desk, receiver: DraftReceiver) {
    this.tasks = drafts
    this.#desk = desk
    this.#receiver = receiver
  }

  stored(error: Error | undefined, added: readonly Added[], from: number): void {
    this.#desk.stored(this.tasks, error, added, from)
    this.#receiver.stored(this.tasks, error, added, from)
  }
}
