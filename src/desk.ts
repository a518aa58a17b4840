import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { BackgroundTasks, TaskDesk } from './background-tasks.ts'
import type { Deferrals } from './deferrals.ts'
import type { EventHub } from './engine/event-hub.ts'
import type { Lane } from './engine/lane.ts'
import type { Registry } from './engine/registry.ts'
import type { Runner } from './engine/runner.ts'
import type { Worker } from './engine/worker.ts'
import type { AddOptions } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import { AfterwordError } from './model/errors.ts'
import type { ClaimedTask, Incarnation } from './model/task.ts'
import type { Added } from './ports/store.ts'
import { makeDraft } from './make-draft.ts'
import type { Responses } from './responses.ts'
import type { Draft } from './task-draft.ts'

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

  draft(definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined, requestId: string | undefined): Draft {
    const { settings, registry, worker, ports } = this.#parts
    const { name } = definition
    registry.check(definition)
    if (this.#closed) throw new AfterwordError('BACKGROUND_STOPPED', { name })
    if (this.#buffered >= settings.bufferMax) throw new AfterwordError('BUFFER_FULL', { name, buffered: this.#buffered, max: settings.bufferMax })
    if (worker.live >= settings.backlogMax) throw new AfterwordError('BACKLOG_FULL', { name, live: worker.live, max: settings.backlogMax })
    const draft = makeDraft(definition, input, options, requestId, settings, ports)
    this.#buffered++
    return draft
  }

  store(drafts: readonly Draft[], done: (error: unknown, added: readonly Added[] | undefined) => void): void {
    const opening = this.#parts.ready()
    if (opening === undefined) return this.#store(drafts, done)
    opening.then(
      () => this.#store(drafts, done),
      (error: unknown) => {
        this.released(drafts.length)
        done(error, undefined)
      },
    )
  }

  released(count: number): void {
    this.#buffered -= count
  }

  dropped(draft: Draft, status: number): void {
    this.#parts.hub.emit('task:dropped', { task: draft, status, on: draft.on })
  }

  run(tasks: readonly ClaimedTask[], claimedFor: Incarnation): void {
    // A worker that was declared dead meanwhile does not own them any more; their new owner runs them.
    if (claimedFor === this.#parts.worker.incarnation) this.#parts.runner.take(tasks)
  }

  hold(queue: string, change: number): void {
    this.#parts.runner.hold(queue, change)
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

  #store(drafts: readonly Draft[], done: (error: unknown, added: readonly Added[] | undefined) => void): void {
    const { worker, runner, hub } = this.#parts
    for (const draft of drafts) {
      if (draft.dueAt !== undefined) continue
      draft.claimFor = worker.claimFor(draft.queue)
      if (draft.claimFor !== undefined) runner.hold(draft.queue, 1)
    }
    worker.journal.add(drafts, (error, added) => {
      this.released(drafts.length)
      for (const draft of drafts) if (draft.dueAt !== undefined && error === undefined) worker.expect(draft.dueAt)
      done(error, added)
      if (added !== undefined && hub.heard('task:added')) this.#announce(drafts, added)
    })
  }

  #announce(drafts: readonly Draft[], added: readonly Added[]): void {
    for (let i = 0; i < drafts.length; i++) {
      const answer = added[i]!
      if (answer.kind === 'added') this.#parts.hub.emit('task:added', { task: drafts[i]!, state: answer.state })
    }
  }
}
