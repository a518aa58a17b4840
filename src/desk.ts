import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { BackgroundTasks, TaskDesk } from './background-tasks.ts'
import type { Deferrals } from './deferrals.ts'
import type { EventHub } from './engine/event-hub.ts'
import type { Stored } from './engine/journal.ts'
import type { Lane } from './engine/lane.ts'
import type { Registry } from './engine/registry.ts'
import type { Runner } from './engine/runner.ts'
import type { Worker } from './engine/worker.ts'
import { makeDraft } from './make-draft.ts'
import type { AddOptions } from './model/add-options.ts'
import { asError } from './model/as-error.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import type { Added } from './ports/store.ts'
import type { Responses } from './responses.ts'
import { type Draft, refusal } from './task-draft.ts'

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
  /** Undefined when the store is open, else a promise of it. */
  ready(): Promise<unknown> | undefined
}

/** Between the task lists of responses and the engine: checks, budgets, and the way into the journal. */
export class Desk implements TaskDesk {
  readonly #parts: DeskParts
  #buffered = 0
  #closed = false

  constructor(parts: DeskParts) {
    this.#parts = parts
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
    const { settings, registry, worker, ports } = this.#parts
    registry.check(definition)
    const { name } = definition
    if (this.#closed) throw new AfterwordError('BACKGROUND_STOPPED', { name })
    if (this.#buffered >= settings.bufferMax) {
      throw new AfterwordError('BUFFER_FULL', { name, buffered: this.#buffered, max: settings.bufferMax })
    }
    if (worker.live >= settings.backlogMax) {
      throw new AfterwordError('BACKLOG_FULL', { name, live: worker.live, max: settings.backlogMax })
    }
    const draft = makeDraft(definition, input, options, requestId, settings, ports)
    this.#buffered++
    return draft
  }

  store(drafts: readonly Draft[], done: Stored): void {
    const opening = this.#parts.ready()
    if (opening === undefined) return this.#store(drafts, done)
    opening.then(
      () => this.#store(drafts, done),
      (error: unknown) => {
        this.released(drafts.length)
        done(asError(error), [], 0)
      },
    )
  }

  /** Stores one task that belongs to no response; it may start at once. `done` is told why it was not stored. */
  storeAlone(draft: Draft, done: (error: Error | undefined) => void): void {
    this.store([draft], (error, added, from) => {
      this.release(draft, added[from])
      done(error ?? refusal(draft, added[from]))
    })
  }

  release(draft: Draft, added: Added | undefined): void {
    const { queue, claimFor } = draft
    if (claimFor === undefined) return
    this.#parts.runner.hold(queue, -1)
    // A worker that was declared dead meanwhile does not own it any more; the new owner runs it.
    const mine = added?.kind === 'added' && added.state === 'running' && claimFor === this.#parts.worker.incarnation
    if (mine) this.#parts.runner.takeOne(draft)
  }

  released(count: number): void {
    this.#buffered -= count
  }

  dropped(draft: Draft, status: number): void {
    this.#parts.hub.emit('task:dropped', { task: draft, status, on: draft.on })
  }

  defer(callback: () => unknown, requestId: string | undefined): void {
    this.#parts.deferrals.run(callback, requestId)
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

  #store(drafts: readonly Draft[], done: Stored): void {
    const { worker, runner, hub } = this.#parts
    for (const draft of drafts) {
      if (draft.dueAt !== undefined) continue
      draft.claimFor = worker.claimFor(draft.queue)
      if (draft.claimFor !== undefined) draft.early = !runner.hold(draft.queue, 1)
    }
    worker.journal.add(drafts, (error, added, from) => {
      this.released(drafts.length)
      if (error === undefined) this.#expect(drafts)
      done(error, added, from)
      if (error === undefined && hub.heard('task:added')) this.#announce(drafts, added, from)
    })
  }

  #expect(drafts: readonly Draft[]): void {
    for (const draft of drafts) if (draft.dueAt !== undefined) this.#parts.worker.expect(draft.dueAt)
  }

  #announce(drafts: readonly Draft[], added: readonly Added[], from: number): void {
    for (let i = 0; i < drafts.length; i++) {
      const answer = added[from + i]!
      if (answer.kind === 'added') this.#parts.hub.emit('task:added', { task: drafts[i]!, state: answer.state })
    }
  }
}
