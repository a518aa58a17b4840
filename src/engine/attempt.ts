import type { AddOptions } from '../model/add-options.ts'
import type { AbortReason, AnyTaskDefinition, RetryPolicy } from '../model/definition.ts'
import { AfterwordError, type ErrorCode, isAfterwordError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { SessionProviders, Sessions } from '../model/session.ts'
import type { TaskHandle } from '../model/task-handle.ts'
import {
  attemptNumber,
  type ClaimedTask,
  type Outcome,
  type StoredError,
  type StoredValue,
  type TaskId,
} from '../model/task.ts'
import { isGiveUp, isRetryAfter } from '../model/thrown-outcome.ts'
import type { Chance } from '../ports/chance.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Keeping } from '../ports/keeping.ts'
import type { AttemptSessions, SessionEnd } from '../ports/sessions.ts'
import type { Added, Joined } from '../ports/store.ts'
import { AttemptAborted } from './abort-reason.ts'
import type { Addition } from './addition.ts'
import { AttemptContext, type ContextHost } from './attempt-context.ts'
import type { Placed } from './bag.ts'
import { encodeValue } from './codec.ts'
import { parseStoredInput } from './input-schema.ts'
import type { OutcomeEntry } from './journal.ts'
import type { Lane } from './lane.ts'
import { retryDelayMs } from './retry-policy.ts'
import { storedError } from './stored-error.ts'

/**
 * How an attempt ended, before it is stored. `handBack`: it yielded to a shutdown; `none`: its claim is not ours any more;
 * `recorded`: its success is in the store already, by the transaction of its session.
 */
export type Ending = Outcome | 'handBack' | 'none' | 'recorded'

/** What every attempt of a process shares. */
export interface AttemptRules {
  readonly clock: Clock
  readonly chance: Chance
  readonly retry: RetryPolicy
  /** For definitions without a timeout of their own; undefined is no limit. */
  readonly timeoutMs: number | undefined
  /** How long an attempt may go on after its signal has aborted. */
  readonly abandonMs: number
  readonly resultBytesMax: number
}

/** What an attempt needs of the one who started it. */
export interface AttemptHost {
  readonly rules: AttemptRules
  readonly logger: Logger
  /** Stores how far it is; what comes after its end is ignored. */
  progress(attempt: Attempt, value: unknown): void
  /** Whether a success of that task needs no record. */
  forgets(id: TaskId): boolean
  /** What an attempt keeps for later ones of its task. */
  keeping(attempt: Attempt): Keeping
  /** The database sessions of an attempt. */
  sessions(attempt: Attempt): AttemptSessions
  /** Checks a task that an attempt adds; throws a coded error. */
  addition(attempt: Attempt, definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined): Addition
  /** Called once. `abandoned`: its function may still be running. */
  ended(attempt: Attempt, ending: Ending, abandoned: boolean): void
  /** What the journal says of its outcome. */
  recorded(attempt: Attempt, recorded: boolean | undefined): void
}

/** One run of one claimed task. It ends exactly once: by itself, or by being abandoned after its signal aborted. */
export class Attempt implements OutcomeEntry, Placed, ContextHost {
  /** Where it stands among those that run. */
  place = -1
  readonly task: ClaimedTask
  readonly definition: AnyTaskDefinition
  readonly lane: Lane
  readonly context: AttemptContext
  readonly startedMs: number
  /** What the error of its ending was made from: for listeners in this process. */
  thrown: unknown
  /** How long it ran, in milliseconds, once it has ended. */
  ranMs = 0
  /** What the transaction of its session has done in the store. */
  joined: Joined | undefined
  readonly #host: AttemptHost
  #reason: AbortReason['kind'] | undefined
  #timer: Timer | undefined
  #over = false
  #isClosing = false
  #outcome: Outcome | undefined
  /** Made when `run` first asks for one. */
  #sessions: AttemptSessions | undefined
  #additions: Addition[] | undefined

  constructor(task: ClaimedTask, definition: AnyTaskDefinition, lane: Lane, host: AttemptHost) {
    this.task = task
    this.definition = definition
    this.lane = lane
    this.context = new AttemptContext(task, this)
    this.#host = host
    this.startedMs = host.rules.clock.monotonicMs()
  }

  /** Why its signal aborted, if it did. */
  get reason(): AbortReason['kind'] | undefined {
    return this.#reason
  }

  get isOver(): boolean {
    return this.#over
  }

  /** Whether `run` is called in an isolate. */
  get isIsolated(): boolean {
    return false
  }

  get logger(): Logger {
    return this.#host.logger
  }

  get keeping(): Keeping {
    return this.#host.keeping(this)
  }

  get sessionHoldingStore(): string | undefined {
    return this.#sessions?.holdingStore()?.session
  }

  get session(): Sessions<SessionProviders> {
    if (this.#sessions === undefined) {
      this.#sessions = this.#host.sessions(this)
      // What it left running asks too late: nobody would close what it opens.
      if (this.#over) void this.letGo()
    }
    return this.#sessions.handles
  }

  progress(value: unknown): void {
    this.#host.progress(this, value)
  }

  add(definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined): TaskHandle {
    const addition = this.#host.addition(this, definition, input, options)
    // What it left running has nothing to add to.
    if (this.#over) addition.dropped(this.task.name)
    else (this.#additions ??= []).push(addition)
    return addition.handle
  }

  /** To be stored with its success: what was checked where it was added. */
  protected adopt(additions: readonly Addition[]): void {
    if (additions.length > 0) (this.#additions ??= []).push(...additions)
  }

  /** What is to be recorded of it. */
  get outcome(): Outcome {
    if (this.#outcome === undefined) throw new Error('This attempt has no outcome.')
    return this.#outcome
  }

  recorded(recorded: boolean | undefined, added?: readonly Added[]): void {
    if (this.#additions !== undefined) this.#tellAdditions(recorded === true ? added : undefined)
    this.#host.recorded(this, recorded)
  }

  /** Calls `run`. Whatever happens, `ended` is called once; at once when `run` is a plain function. */
  start(): void {
    if (this.#over) return
    // Aborted while its beginning was written down: nothing has begun.
    if (this.#reason !== undefined) return this.#end(this.#afterAbort(new AttemptAborted(this.#reason)))
    let result: unknown
    let pending: boolean
    try {
      result = this.call()
      pending = isThenable(result)
    } catch (error) {
      return this.#close(this.#afterThrow(error))
    }
    if (!pending) return this.#close(this.afterReturn(result))
    // Not the thenable's own `then`: it may throw, or call back more than once.
    Promise.resolve(result).then(
      (value) => this.#close(this.afterReturn(value)),
      (error: unknown) => this.#close(this.#afterThrow(error)),
    )
  }

  /** Ends it as cancelled instead of calling `run`. */
  prevent(): void {
    this.abort('cancelled')
    this.#end(this.#afterAbort(new AttemptAborted('cancelled')))
  }

  /** Aborts the signal. The attempt may still end by itself; after `abandonMs` it is given up (a shutdown has its own bound). */
  abort(kind: AbortReason['kind']): void {
    if (this.#over || this.#reason !== undefined) return
    this.#reason = kind
    this.#timer?.cancel()
    // While its sessions end there is nothing to give up: whether they are committed decides what became of it.
    if (kind !== 'shutdown' && !this.#isClosing) {
      this.#timer = this.#host.rules.clock.after(this.#host.rules.abandonMs, () => this.abandon())
    }
    this.context.abort(kind)
  }

  /** Stops waiting for it; what it does from here on counts for nothing. */
  abandon(ending = this.#afterAbort(new Error('The attempt went on after its signal had aborted.'))): void {
    void this.letGo()
    this.#end(ending, true)
  }

  /** Takes its sessions away: what they did is rolled back, and what they held is free. Resolves when that is so. */
  async letGo(): Promise<void> {
    await this.#sessions?.abandon()
  }

  protected call(): unknown {
    this.limit()
    return this.definition.run(parseStoredInput(this.definition, this.task), this.context)
  }

  /** The time that it may take begins. */
  protected limit(): void {
    if (this.#over || this.#reason !== undefined) return
    const timeoutMs = this.definition.timeoutMs ?? this.#host.rules.timeoutMs
    if (timeoutMs !== undefined) this.#timer = this.#host.rules.clock.after(timeoutMs, () => this.abort('timeout'))
  }

  /** `run` is over, and its sessions end: that is no part of its time, and given up only when it takes this long, in milliseconds. */
  protected closeWithin(ms: number, unsettled: () => Ending): void {
    if (this.#over) return
    this.#timer?.cancel()
    this.#timer = this.#host.rules.clock.after(ms, () => this.abandon(unsettled()))
  }

  protected get resultBytesMax(): number {
    return this.#host.rules.resultBytesMax
  }

  protected encode(value: unknown): StoredValue | undefined {
    if (value === undefined) return undefined
    return encodeValue(value, { what: 'result', name: this.task.name, bytesMax: this.resultBytesMax })
  }

  /** `run` is over: first its sessions end, and then the attempt. */
  #close(ending: Ending): void {
    const sessions = this.#sessions
    if (sessions === undefined || this.#over) return this.#end(ending)
    this.#isClosing = true
    this.#timer?.cancel()
    const isSuccess = typeof ending !== 'string' && ending.move === 'succeed'
    const closed = isSuccess
      ? sessions.succeed(ending).then((end) => this.#afterCommit(end))
      : sessions.fail().then((earlier) => earlier ?? ending)
    closed.then(
      (ending) => this.#end(ending),
      (error: unknown) => this.#end(this.#afterThrow(error)),
    )
  }

  #end(ending: Ending, abandoned = false): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    this.ranMs = this.#host.rules.clock.monotonicMs() - this.startedMs
    if (typeof ending !== 'string') this.#outcome = ending
    const isStored = ending === 'recorded' || (typeof ending !== 'string' && this.#isOwn(ending))
    if (this.#additions !== undefined && !isStored) this.#tellAdditions(undefined)
    this.#host.ended(this, ending, abandoned)
  }

  /** False: it failed, or it is the success of an earlier attempt, with what that one has added. */
  #isOwn(ending: Outcome): boolean {
    return ending.move === 'succeed' && ending.adds?.[0] === this.#additions?.[0]?.task
  }

  #tellAdditions(added: readonly Added[] | undefined): void {
    const additions = this.#additions ?? []
    this.#additions = undefined
    for (let i = 0; i < additions.length; i++) {
      const answer = added?.[i]
      if (answer === undefined) additions[i]!.dropped(this.task.name)
      else additions[i]!.stored(answer)
    }
  }

  #afterCommit(end: SessionEnd): Ending {
    switch (end.kind) {
      case 'committed':
        return end.outcome
      case 'recorded':
        this.joined = end.joined
        return 'recorded'
      case 'lost':
        return 'none'
      case 'failed':
        return end.free ? this.unsettled(end.error) : this.#afterThrow(end.error)
    }
  }

  protected afterReturn(value: unknown): Ending {
    if (this.#reason === 'claim-lost') return 'none'
    const { id, claims } = this.task
    let result: StoredValue | undefined
    let error: StoredError | undefined
    try {
      result = this.encode(value)
    } catch (thrown) {
      // The work is done and must not be done again: only its result is missing, and says why.
      error = this.#stored(thrown)
    }
    const adds = this.#additions?.map(({ task }) => task)
    const success = { id, claims, move: 'succeed', result, error, forget: this.#host.forgets(id), adds } as const
    // Given up before: what it comes to now must not take the place of what is on its way to the store.
    if (!this.#over) this.#outcome = success
    return success
  }

  /** Nobody knows what became of it: the next attempt finds out, and this one costs none. */
  protected unsettled(error: Error): Ending {
    return this.#reason === undefined ? this.#retry(error, undefined, false) : this.#afterThrow(error)
  }

  #afterThrow(error: unknown): Ending {
    if (this.#reason !== undefined) return this.#afterAbort(error)
    const { id, claims } = this.task
    if (isGiveUp(error) || isFinal(error)) return { id, claims, move: 'fail', error: this.#stored(error) }
    if (isRetryAfter(error)) return this.#retry(error, error.delayMs, error.costsAttempt)
    return this.#retry(error, undefined, true)
  }

  #afterAbort(error: unknown): Ending {
    const { id, claims, name } = this.task
    switch (this.#reason) {
      case 'shutdown':
        return 'handBack'
      case 'cancelled':
        return { id, claims, move: 'cancel', error: this.#stored(error) }
      case 'timeout': {
        const timeoutMs = this.definition.timeoutMs ?? this.#host.rules.timeoutMs ?? 0
        return this.#retry(
          new AfterwordError('ATTEMPT_TIMEOUT', { name, timeoutMs }, { cause: error }),
          undefined,
          true,
        )
      }
      default:
        return 'none'
    }
  }

  /** What a late end leaves, after the attempt was given up, counts for nothing. */
  #stored(error: unknown): StoredError {
    if (!this.#over) this.thrown = error
    return storedError(error)
  }

  #retry(error: unknown, delayMs: number | undefined, costsAttempt: boolean): Ending {
    const { id, claims, crashes } = this.task
    const policy = { ...this.#host.rules.retry, ...this.definition.retry }
    const failed = attemptNumber(this.task) - crashes
    if (costsAttempt && failed >= policy.attempts) return { id, claims, move: 'fail', error: this.#stored(error) }
    const waitMs = delayMs ?? retryDelayMs(failed, policy, this.#host.rules.chance)
    return {
      id,
      claims,
      move: 'retry',
      dueAt: this.#host.rules.clock.now() + waitMs,
      error: this.#stored(error),
      costsAttempt,
    }
  }
}

/** What the stored row itself says no to; another attempt would find the same. */
function isFinal(error: unknown): boolean {
  return isAfterwordError(error) && FINAL.has(error.code)
}

const FINAL: ReadonlySet<ErrorCode> = new Set(['TASK_INPUT_OUTDATED', 'TASK_UPGRADE_FAILED', 'STORED_VALUE_UNREADABLE'])

function isThenable(value: unknown): boolean {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}
