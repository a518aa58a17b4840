import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AddArguments, ResultOf } from './add-arguments.ts'
import type { Logger } from './logger.ts'
import type { SessionProviders, SessionsOf } from './session.ts'
import type { TaskHandle } from './task-handle.ts'
import type { OnStatus, TaskId } from './task.ts'

/** Why `context.signal` aborted; `signal.reason` is this object. */
export interface AbortReason extends Error {
  /**
   * `timeout`: the attempt took longer than its timeout. `cancelled`: somebody cancelled the task.
   * `shutdown`: the worker stops and hands the task back. `claim-lost`: another worker has it; nothing this attempt records counts.
   */
  readonly kind: 'timeout' | 'cancelled' | 'shutdown' | 'claim-lost'
}

/**
 * What `run` sees of its attempt.
 *
 * `Providers` are the sessions of the definition itself; those of the background are known by `Register`.
 */
export interface TaskContext<Providers = SessionProviders> {
  readonly id: TaskId
  readonly name: string
  /** The number of this attempt; the first is 1. */
  readonly attempt: number
  /** How often a worker died while it held this task. */
  readonly crashes: number
  /** When the task was added. */
  readonly addedAt: Date
  /** The id of the request that added it, if there was one. */
  readonly requestId: string | undefined
  /** What the `carry` option returned where the task was added. */
  readonly carried: Readonly<Record<string, unknown>>
  /** The same in every attempt of this task: hand it to services that know idempotency keys. */
  readonly idempotencyKey: string
  /** Aborts on timeout, cancel, shutdown or a lost claim; `signal.reason` is an {@link AbortReason}. */
  readonly signal: AbortSignal
  /** A logger that names task, id, attempt and request in every line. */
  readonly log: Logger
  /** Stores how far it is; any storable value, the latest wins. Shown by `background.get(id)`. */
  progress(this: void, value: unknown): void
  /**
   * What `compute` gives, computed once for all attempts of the task: for an effect outside of any database. The value is
   * stored before the promise resolves, and a later attempt that asks for the same name gets it from there; it is any storable value, and comes back as
   * it was stored.
   *
   * ```ts
   * const charge = await context.once('charge', () => payments.charge(card, { key: context.idempotencyKey }))
   * ```
   *
   * The limit: a process that dies after `compute` has ended and before its value is stored leaves no trace of it, and the next
   * attempt computes it again. Where that must not be, hand {@link idempotencyKey} on as well.
   *
   * @param name  1 to 100 characters; one name is one value. At most 1,000 of them for a task.
   * @throws what `compute` throws; the next call computes it then. Rejects with ONCE_CLAIM_LOST when another worker has the task
   *   or the attempt is over; ONCE_NAME_INVALID, ONCE_NAME_TAKEN, ONCE_TOO_MANY, ONCE_NOT_STORABLE, ONCE_TOO_LARGE; ONCE_IN_TRANSACTION
   *   while a session of the attempt holds the file of the store; STORE_… when it could not be stored.
   */
  once<T>(this: void, name: string, compute: () => T | Promise<T>): Promise<T>
  /**
   * Database sessions: `const db = await context.session.db` opens one when it is first asked for. With a transaction, which is the
   * default, it is committed when `run` resolves and rolled back when the attempt does not succeed; then it is closed.
   *
   * The promise rejects with SESSION_UNKNOWN, SESSION_NOT_OPENED, SESSION_POOL_DRY, SESSION_SECOND_DATABASE, SESSION_OUTCOME_TABLE,
   * or SESSION_ALREADY_COMMITTED, which is to be let pass.
   */
  readonly session: SessionsOf<Providers>
  /**
   * Adds a task that is stored with the success of this attempt, and only then: in one transaction with what the attempt wrote through
   * its session, where that is in the database of the store. The input is checked at once.
   *
   * Throws what `tasks.add` throws. `committed` is not to be awaited in `run`, whose end it waits for: it rejects with
   * ADDED_BY_FAILED_ATTEMPT when the attempt does not succeed, and always with ADDED_IN_ISOLATE in a thread or a child process.
   */
  add<D extends AnyTaskDefinition>(this: void, definition: D, ...rest: AddArguments<D>): TaskHandle<ResultOf<D>>
}

/** How failed attempts are repeated. */
export interface RetryPolicy {
  /** Attempts in all, 1 to 1000. */
  readonly attempts: number
  /** The upper bound of the first wait, in milliseconds; it doubles with each attempt. */
  readonly baseMs: number
  /** The upper bound of every wait, in milliseconds. */
  readonly capMs: number
}

/** What `run` is called in beside the event loop, and where a definition is found there, by its name. */
export interface Isolation {
  readonly kind: 'thread' | 'process'
  /** The module that defines it. Undefined when nothing can import it: the REPL, a script given as text. */
  readonly url: string | undefined
  /** True when the option `module` named it. */
  readonly isGiven: boolean
  /** The limit of the heap there, in megabytes; undefined: as the background says. */
  readonly memoryMb: number | undefined
  /** True: only once it has blocked the event loop again and again. */
  readonly isOnBlock: boolean
}

/** What makes of the input of one version that of the next, by the older version. Stored inputs are seen as `unknown`. */
export type UpgradeSteps = Readonly<Record<number, ((old: unknown) => unknown) | undefined>>

/** What `defineTask` returns: a name, an input schema, a policy and the function. Frozen. */
export interface TaskDefinition<Name extends string = string, Input = unknown, Parsed = unknown, Result = unknown> {
  readonly name: Name
  readonly schema: StandardSchemaV1<Input, Parsed> | undefined
  /** Of its input. */
  readonly version: number
  /** What makes the next version's input of an older one, by the older version. */
  readonly upgrade: UpgradeSteps | undefined
  readonly queue: string
  readonly priority: number
  /** What the definition says of it; the rest is the background's. */
  readonly retry: Partial<RetryPolicy> | undefined
  readonly timeoutMs: number | undefined
  readonly on: OnStatus
  /** Undefined: `run` is always called on the event loop. */
  readonly isolation: Isolation | undefined
  /** Its own sessions, beside those of the background. */
  readonly sessions: SessionProviders | undefined
  run(this: void, input: Parsed, context: TaskContext): Result | Promise<Result>
  /** Carries the input's type for `add`; never there at run time. */
  readonly '~input'?: Input
}

/** Any definition, whatever its input. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- `run` is contravariant in its input: only `any` admits all definitions.
export type AnyTaskDefinition = TaskDefinition<string, any, any, any>
