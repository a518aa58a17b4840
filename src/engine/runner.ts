import type { AsyncResource } from 'node:async_hooks'
import type { AddOptions } from '../model/add-options.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { AttemptEnd, AttemptFacts } from '../model/events.ts'
import type { Logger } from '../model/logger.ts'
import { attemptNumber, type ClaimedTask, type Incarnation, type NewTask, type TaskId } from '../model/task.ts'
import type { AddingRules, Executor } from '../ports/executor.ts'
import type { Keeping } from '../ports/keeping.ts'
import type { Pulse } from '../ports/pulse.ts'
import type { AttemptSessions, SessionMaker } from '../ports/sessions.ts'
import type { Joined } from '../ports/store.ts'
import type { Addition, AdditionDesk } from './addition.ts'
import { AttemptKeeping } from './attempt-keeping.ts'
import { Attempt, type AttemptRules, type Ending } from './attempt.ts'
import { Bag } from './bag.ts'
import { encodeValue } from './codec.ts'
import type { EventHub } from './event-hub.ts'
import { IsolatedAttempt, type IsolatedAttemptHost } from './isolated-attempt.ts'
import type { Journal } from './journal.ts'
import type { Lane } from './lane.ts'
import type { Registry } from './registry.ts'

/** Starts in one turn of the event loop before the loop gets its turn, in tasks and in milliseconds. */
const STARTS_MAX = 1_024
const TURN_MS_MAX = 10

/** What a runner needs of the engine. */
export interface RunnerParts {
  readonly registry: Registry
  readonly rules: AttemptRules
  readonly hub: EventHub
  readonly logger: Logger
  readonly progressBytesMax: number
  /** False: succeeded tasks are removed when they end. */
  readonly keepsSucceeded: boolean
  readonly lanes: ReadonlyMap<string, Lane>
  /** Runs the definitions that want a thread or a child process, an isolate; without one they run here. */
  readonly executor?: Executor | undefined
  /** Watches the loop while attempts run on it. */
  readonly pulse?: Pulse | undefined
  journal(): Journal
  incarnation(): Incarnation
  /** A place is free and the lane could take more. */
  hungry(): void
  /** An outcome is on its way that may release a task to whoever asks for tasks in the same transaction. */
  releasing(): void
  /** An attempt's outcome is in the store. */
  recorded(attempt: Attempt): void
  /** True when somebody waits for that task's result: then its outcome is written at once. */
  awaited(id: TaskId): boolean
  /** The database sessions of attempts. */
  readonly sessions: SessionMaker
  /** The file of the store, when it is one of SQLite and open. By default there is none. */
  readonly storeFile?: (() => string | undefined) | undefined
  /** Takes what attempts add. */
  additions(): AdditionDesk
  /** The transaction of a session has written to the store. */
  joined(joined: Joined): void
}

/** Runs claimed tasks: each lane as many at once as it has places, in the order of their turn. */
export class Runner implements IsolatedAttemptHost {
  readonly rules: AttemptRules
  readonly logger: Logger
  readonly #parts: RunnerParts
  readonly #attempts = new Bag<Attempt>()
  /** Cancelled after their claim and before their start. */
  readonly #cancelled = new Set<TaskId>()
  #freeIsolates: number
  /** Turns that came while no isolate was free. */
  #turns = 0
  #stopped = false
  #scheduled = false
  #filling: Lane | undefined
  #starts = 0
  #turnBegunMs = 0
  #unrecorded = 0
  #finished = 0
  /** The attempt whose function is being called. */
  #called: Attempt | undefined
  /** Tasks whose attempt has ended here and is not over in the store: it yielded to a shutdown, or its outcome was refused for good. */
  readonly #unended: TaskId[] = []
  #changed: (() => void)[] = []

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.rules = parts.rules
    this.logger = parts.logger
    this.#freeIsolates = parts.executor?.size ?? 0
  }

  /** Attempts that have not ended. */
  get attempts(): readonly Attempt[] {
    return this.#attempts.values()
  }

  /** Whether attempts run that have not ended. */
  get isRunning(): boolean {
    return this.#attempts.size > 0
  }

  /** The task of that definition whose attempt runs on the loop, where that is certain. */
  onLoop(definition: AnyTaskDefinition): TaskId | undefined {
    if (this.#called?.definition === definition) return this.#called.task.id
    const [only, ...others] = this.attempts.filter((attempt) => attempt.definition === definition)
    return others.length === 0 ? only?.task.id : undefined
  }

  /** Attempts that have ended and been stored. */
  get finished(): number {
    return this.#finished
  }

  /** Attempts that run, and those whose outcome is not stored yet. */
  get busy(): number {
    return this.#attempts.size + this.#unrecorded
  }

  /** Accepts claimed tasks. They start on a later turn of the event loop. */
  take(tasks: readonly ClaimedTask[]): void {
    for (const task of tasks) this.takeOne(task)
  }

  /** A queue was resumed: what waits in it may start. */
  resume(): void {
    this.#schedule()
  }

  /** Accepts one claimed task. */
  takeOne(task: ClaimedTask): void {
    this.#lane(task).push(task)
    this.#schedule()
  }

  /** Aborts the attempt of that task that runs here, if there is one. */
  abort(id: TaskId): void {
    this.#attempts.find(({ task }) => task.id === id)?.abort('cancelled')
  }

  /** Aborts the attempt, or prevents its start. */
  cancel(id: TaskId): void {
    // Beside it there may be one that still runs although its claim was lost.
    const attempt = this.#attempts.find(({ task, reason }) => task.id === id && reason !== 'claim-lost')
    if (attempt !== undefined) attempt.abort('cancelled')
    else this.#cancelled.add(id)
  }

  /** The claim is over before it began: a cancel of it has nothing to prevent any more. */
  forget(id: TaskId): void {
    this.#cancelled.delete(id)
  }

  /** Starts nothing more: what waits stays where it is. */
  stopStarting(): void {
    this.#stopped = true
  }

  /** Tasks that this worker has claimed and that are not over in the store, unless they were given back since. */
  claims(): readonly TaskId[] {
    const waiting = [...this.#parts.lanes.values()].flatMap((lane) => lane.all())
    const running = [...this.#attempts.values()].filter(({ reason }) => reason !== 'claim-lost')
    return [...waiting, ...running.map(({ task }) => task)].map(({ id }) => id).concat(this.#unended)
  }

  /** Forgets all claims after this worker was declared dead: attempts are told, their outcomes do not count. */
  loseClaims(): readonly TaskId[] {
    const waiting = [...this.#parts.lanes.values()].flatMap((lane) => lane.clear())
    this.#cancelled.clear()
    const running = this.#attempts.values()
    for (const attempt of running) attempt.abort('claim-lost')
    return [...waiting, ...running.map(({ task }) => task)].map(({ id }) => id)
  }

  /** Resolves when no attempt runs and every outcome is stored. */
  async quiet(): Promise<void> {
    while (this.busy > 0) await new Promise<void>((resolve) => this.#changed.push(resolve))
  }

  #lane(task: ClaimedTask): Lane {
    // A claim is only ever asked for queues that have a lane.
    return this.#parts.lanes.get(task.queue) ?? this.#parts.lanes.values().next().value!
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    this.#parts.rules.clock.soon(() => {
      this.#scheduled = false
      this.#starts = 0
      this.#turnBegunMs = this.#parts.rules.clock.monotonicMs()
      for (const lane of this.#parts.lanes.values()) this.#fill(lane)
    })
  }

  /** Starts what has a place. Past its share of the turn it leaves the rest to the next. */
  #fill(lane: Lane): void {
    // An attempt that ended at once has left its place to the loop that started it.
    if (this.#filling === lane) return
    const outer = this.#filling
    this.#filling = lane
    this.#startAll(lane)
    this.#filling = outer
  }

  #startAll(lane: Lane): void {
    while (!this.#stopped && lane.hasFreePlace) {
      const isParked = this.#freeIsolates > 0 && lane.parkedTurn !== undefined
      if (!isParked && lane.turns === 0) return
      if (this.#isTurnSpent()) return this.#schedule()
      this.#begin(lane, isParked ? lane.unpark() : lane.shift()!)
    }
  }

  #isTurnSpent(): boolean {
    if (this.#starts >= STARTS_MAX) return true
    return this.#starts % 16 === 15 && this.#parts.rules.clock.monotonicMs() - this.#turnBegunMs > TURN_MS_MAX
  }

  #begin(lane: Lane, task: ClaimedTask): void {
    this.#starts++
    const { registry, rules, hub } = this.#parts
    const known = registry.get(task.name)
    if (known === undefined) throw new Error(`Claimed "${task.name}", which this worker does not know.`)
    const { definition, context, isIsolated } = known
    const attempt = isIsolated ? this.#isolated(definition, task, lane) : new Attempt(task, definition, lane, this)
    if (attempt === undefined) return lane.park(task, this.#turns++)
    this.#parts.pulse?.active()
    this.#attempts.add(attempt)
    lane.running++
    if (this.#cancelled.size > 0 && this.#cancelled.delete(task.id)) return attempt.prevent()
    if (hub.heard('attempt:start')) {
      hub.emit('attempt:start', {
        attempt: this.factsOf(task),
        waitedMs: Math.max(0, rules.clock.now() - task.addedAt),
      })
    }
    // Each start by itself: this may be the end of another task, in the context which that one left behind.
    if (!task.early) return this.#call(attempt, context)
    // It was claimed ahead of its turn. What a worker died with before is written down first: it may do it again at once.
    const isFirst = task.suspect || task.crashes > 0
    this.#parts.journal().begun(attempt, isFirst ? () => this.#callMarked(attempt, context) : undefined)
    if (!isFirst) this.#call(attempt, context)
  }

  #callMarked(attempt: Attempt, context: AsyncResource): void {
    if (this.#stopped) attempt.abort('shutdown')
    this.#call(attempt, context)
  }

  #call(attempt: Attempt, context: AsyncResource): void {
    const outer = this.#called
    this.#called = attempt
    context.runInAsyncScope(start, undefined, attempt)
    this.#called = outer
  }

  /** Undefined while no isolate is free: such a task is not begun, so that waiting is no part of any attempt. */
  #isolated(definition: AnyTaskDefinition, task: ClaimedTask, lane: Lane): Attempt | undefined {
    const { executor } = this.#parts
    if (executor === undefined) return new Attempt(task, definition, lane, this)
    if (this.#freeIsolates === 0) return undefined
    this.#freeIsolates--
    return new IsolatedAttempt(task, definition, lane, this, executor)
  }

  /** An isolate is free: it goes to the task whose turn came first, whatever its queue. */
  #freeIsolate(): void {
    this.#freeIsolates++
    const parked = [...this.#parts.lanes.values()].filter((lane) => lane.parkedTurn !== undefined)
    for (const lane of parked.toSorted((a, b) => a.parkedTurn! - b.parkedTurn!)) this.#fill(lane)
  }

  forgets(id: TaskId): boolean {
    return !this.#parts.keepsSucceeded && !this.#parts.awaited(id)
  }

  keeping(attempt: Attempt): Keeping {
    return new AttemptKeeping(attempt, this.#parts.journal(), this.#parts.progressBytesMax)
  }

  sessions({ task, definition }: Attempt): AttemptSessions {
    return this.#parts.sessions.forAttempt(task, definition)
  }

  addition(
    { task }: Attempt,
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
  ): Addition {
    return this.#parts.additions().addition(definition, input, options, task.requestId)
  }

  get storeFile(): string | undefined {
    return this.#parts.storeFile?.()
  }

  adopted(task: NewTask): Addition {
    return this.#parts.additions().adopted(task)
  }

  adding(): AddingRules {
    return this.#parts.additions().adding()
  }

  usedSessions(definition: AnyTaskDefinition): void {
    this.#parts.sessions.usedInIsolate(definition)
  }

  /** An attempt has ended: its place is free, its outcome goes to the journal. */
  ended(attempt: Attempt, ending: Ending, abandoned: boolean): void {
    const { hub } = this.#parts
    const { lane } = attempt
    lane.running--
    lane.measured(attempt.ranMs)
    this.#attempts.delete(attempt)
    if (abandoned && hub.heard('attempt:abandoned')) {
      hub.emit('attempt:abandoned', { attempt: this.factsOf(attempt.task), reason: attempt.reason ?? 'unknown' })
    }
    if (typeof ending !== 'string') this.#record(attempt)
    else if (ending === 'recorded') this.#joined(attempt)
    else if (ending === 'none') hub.emit('claim:lost', { attempt: this.factsOf(attempt.task) })
    else this.#unended.push(attempt.task.id)
    this.#tellChanged()
    if (attempt.isIsolated) this.#freeIsolate()
    // The place is free again in this very turn: short tasks need not wait for the next one.
    this.#fill(lane)
    if (lane.room > 0) this.#parts.hungry()
  }

  #record(attempt: Attempt): void {
    const { task } = attempt
    this.#unrecorded++
    const hurry = task.series !== undefined || this.#parts.awaited(task.id)
    if (task.series !== undefined) this.#parts.releasing()
    this.#parts.journal().finish(attempt, hurry)
  }

  /** Its success is in the store already. */
  #joined(attempt: Attempt): void {
    const { joined, task } = attempt
    this.#unrecorded++
    attempt.recorded(true, joined!.addedBy?.get(task.id))
    this.#parts.joined(joined!)
  }

  recorded(attempt: Attempt, recorded: boolean | undefined): void {
    this.#unrecorded--
    // A cancel that came after the end has nothing to prevent any more.
    if (this.#cancelled.size > 0) this.#cancelled.delete(attempt.task.id)
    if (recorded === true) this.#onRecorded(attempt)
    else if (recorded === false) this.#parts.hub.emit('claim:lost', { attempt: this.factsOf(attempt.task) })
    else this.#unended.push(attempt.task.id)
    this.#tellChanged()
  }

  #onRecorded(attempt: Attempt): void {
    this.#finished++
    const { hub, rules } = this.#parts
    const ending = attempt.outcome
    this.#parts.recorded(attempt)
    const failed = ending.error !== undefined && hub.heard('attempt:failed')
    if (!failed && !hub.heard('attempt:end')) return
    const end: AttemptEnd = {
      attempt: this.factsOf(attempt.task),
      state: STATE_AFTER[ending.move],
      error: ending.error,
      thrown: ending.error === undefined ? undefined : attempt.thrown,
      ranMs: attempt.ranMs,
      retryInMs: ending.move === 'retry' ? Math.max(0, ending.dueAt - rules.clock.now()) : undefined,
    }
    if (failed) hub.emit('attempt:failed', end)
    hub.emit('attempt:end', end)
  }

  progress(attempt: Attempt, value: unknown): void {
    const { hub, progressBytesMax } = this.#parts
    const { task } = attempt
    const stored = encodeValue(value, { what: 'result', name: task.name, bytesMax: progressBytesMax })
    if (attempt.isOver) return
    if (hub.heard('attempt:progress')) hub.emit('attempt:progress', { attempt: this.factsOf(task), value })
    this.#parts.journal().progress(task.id, task.claims, stored)
  }

  /** A claimed task as events name its attempt. */
  factsOf(task: ClaimedTask): AttemptFacts {
    return {
      id: task.id,
      name: task.name,
      queue: task.queue,
      requestId: task.requestId,
      attempt: attemptNumber(task),
      worker: this.#parts.incarnation(),
    }
  }

  #tellChanged(): void {
    if (this.#changed.length === 0) return
    const waiting = this.#changed
    this.#changed = []
    for (const resolve of waiting) resolve()
  }
}

function start(attempt: Attempt): void {
  attempt.start()
}

const STATE_AFTER = { succeed: 'succeeded', retry: 'scheduled', fail: 'failed', cancel: 'cancelled' } as const
