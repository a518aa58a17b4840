import type { StandardSchemaV1 } from '@standard-schema/spec'
import { definingModule } from './defining-module.ts'
import { onStatus, priority } from './model/add-options.ts'
import type { AnyTaskDefinition, RetryPolicy, TaskContext, TaskDefinition, Isolation } from './model/definition.ts'
import type { Duration } from './model/duration.ts'
import { AfterwordError } from './model/errors.ts'
import { aName, isName } from './model/name.ts'
import { aFunction, boolean, custom, duration, heapMb, integer, oneOf, recordOf } from './model/option-kinds.ts'
import { group, optionTable, rule } from './model/option-table.ts'
import { received } from './model/received.ts'
import { RETRY_OPTIONS } from './model/retry-options.ts'
import type { RetryOptions } from './model/retry-options.ts'
import { sessionProviders } from './model/session-option.ts'
import type { SessionProviders } from './model/session.ts'
import type { NotStorable, Storable } from './model/storable.ts'
import { noteDefinition } from './model/task-isolate.ts'
import type { OnStatus } from './model/task.ts'

/** What {@link defineTask} takes. `Input` is what `add` takes and the store keeps; `Parsed` is what `run` gets. */
export interface TaskOptions<
  Name extends string,
  Input,
  Parsed,
  Result,
  Version extends number = number,
  Providers extends SessionProviders = SessionProviders,
> {
  /** What the store remembers it by: 1 to 100 letters, digits or `-_.:/`. Never change it while tasks wait. */
  readonly name: Name
  /** Any Standard Schema (zod, valibot, arktype, …) that validates at once. Without one, `run`'s parameter tells the type. */
  readonly input?: (StandardSchemaV1<Input, Parsed> & StorableSchema<Input>) | undefined
  /** Of the input: 1 to 100, by default 1. Raise it by one with a change that older inputs do not fit. */
  readonly version?: Version | undefined
  /**
   * What to make of older inputs: for each version before, a function that gives the input of the next one. They are
   * applied in turn, before the schema; say by the type of the parameter what that version held.
   */
  readonly upgrade?: Upgrade<Version, NoInfer<Input>> | undefined
  /** Where its tasks wait: 1 to 100 letters, digits or `-_.:/`. By default `default`. */
  readonly queue?: string | undefined
  /** Higher runs sooner: an integer from -1000 to 1000, by default 0. */
  readonly priority?: number | undefined
  /** How failed attempts are repeated. By default as the background says. */
  readonly retry?: RetryOptions | undefined
  /** How long one attempt may take before its `signal` aborts. By default as the background says. */
  readonly timeout?: Duration | undefined
  /** Which answers keep its tasks: below 400 (`success`, the default), from 400 (`error`), or all (`always`). */
  readonly on?: OnStatus | undefined
  /** True: `run` is called in a worker thread, which imports the module that calls `defineTask`. By default false. */
  readonly thread?: boolean | undefined
  /** The same in a child process, for code that may crash natively or eats memory outside of the heap. By default neither. */
  readonly isolate?: 'process' | undefined
  /**
   * What becomes of a task that blocks the event loop: it is reported (`report`, the default), or after three times its attempts
   * run in a thread of this process (`thread`), as if the definition said `thread: true`. Where the background has `sessions`, only
   * with `sessions` of the definition, if only `{}`: a thread has no others.
   */
  readonly onBlock?: 'report' | 'thread' | undefined
  /** With one of these: the limit of the heap there, in megabytes, without Buffers: 8 to 1,000,000. By default `threadMemoryMb`. */
  readonly memoryMb?: number | undefined
  /** With one of these: the module to import there instead, as a URL. For bundles, and definitions that a helper makes. */
  readonly module?: URL | string | undefined
  /**
   * Providers of database sessions for this task, by a name of your own, beside those of the background: `context.session.NAME`. A
   * thread or a child process has no others, for it is here that it finds them.
   */
  readonly sessions?: Providers | undefined
  /** The work. It may run again after a crash, so let it be repeatable, or pass on `context.idempotencyKey`. */
  run(this: void, input: Parsed, context: TaskContext<Providers>): Result | Promise<Result>
}

/** The option `upgrade`: a function for each version below `Version`; that of the last one has to give today's input. */
export type Upgrade<Version extends number, Input> = number extends Version
  ? Readonly<Record<number, UpgradeFrom<unknown>>>
  : UpgradeTo<VersionsBelow<Version>, Input>

/** Makes of the input of one version that of the next. Its parameter may be given any type: only the author knows it. */
// Written as a method: parameters of those may be narrower than `unknown`.
export type UpgradeFrom<Next> = { from(old: unknown): Next }['from']

/** The versions before one: `[1, 2]` below 3. */
type VersionsBelow<Version extends number, Below extends readonly number[] = []> = [
  ...Below,
  0,
]['length'] extends Version
  ? Below
  : VersionsBelow<Version, [...Below, [...Below, 0]['length'] & number]>

/** Below the first version there is nothing: an empty object type would take any. */
type UpgradeTo<Below extends readonly number[], Input> = Below extends readonly []
  ? Readonly<Record<number, never>>
  : { readonly [V in Below[number]]?: UpgradeFrom<V extends Below['length'] ? Input : unknown> }

/** Nothing, when a schema's input can be stored; else the reason at each place that cannot. */
export type StorableSchema<Input> = [NoInfer<Input>] extends [Storable<NoInfer<Input>>]
  ? unknown
  : UnstorableSchema<Storable<NoInfer<Input>>>

/** Stands where a schema's input type cannot be stored; the compiler prints the reason inside of it. */
export interface UnstorableSchema<
  Reasons,
> extends NotStorable<"the schema's input; let it take plain data and transform it"> {
  readonly 'at this place': Reasons
}

const schema = custom(
  'a Standard Schema, such as one of zod, valibot or arktype',
  (given): given is StandardSchemaV1 => {
    if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return false
    const standard: unknown = (given as { '~standard'?: unknown })['~standard']
    return (
      typeof standard === 'object' &&
      standard !== null &&
      typeof (standard as { validate?: unknown }).validate === 'function'
    )
  },
)

const moduleUrl = custom(
  "the URL of a module, such as new URL('./resize.task.js', import.meta.url)",
  (given): given is URL | string => given instanceof URL || (typeof given === 'string' && URL.canParse(given)),
)

/** A worker registers each version that it can run. */
const VERSION_MAX = 100

interface Home {
  readonly thread: boolean
  readonly isolate: 'process' | undefined
  readonly onBlock: 'report' | 'thread'
}

function kindOf({ thread, isolate }: Home): Isolation['kind'] | undefined {
  return thread ? 'thread' : isolate
}

function mayLeave(home: Home): boolean {
  return kindOf(home) !== undefined || home.onBlock === 'thread'
}

/** The options of {@link defineTask}, for the docs and for its checks. */
export const TASK_OPTIONS = optionTable(
  {
    name: { is: aName, says: 'What the store remembers it by. Never change it while tasks wait.' },
    input: {
      is: schema,
      default: undefined,
      says: "Validates the input at `add` and before each attempt. Without one, `run`'s parameter tells the type.",
    },
    version: {
      is: integer({ min: 1, max: VERSION_MAX }),
      default: 1,
      says: 'Of the input. Raise it by one with a change that older inputs do not fit.',
    },
    upgrade: {
      is: recordOf(aFunction<UpgradeFrom<unknown>>()),
      default: undefined,
      says: 'For each version before, a function that makes of its input that of the next.',
    },
    queue: { is: aName, default: 'default', says: 'Where its tasks wait.' },
    priority: { is: priority, default: 0, says: 'Higher runs sooner.' },
    retry: {
      is: group(RETRY_OPTIONS),
      default: undefined,
      says: 'How failed attempts are repeated. By default as the background says.',
    },
    timeout: {
      is: duration({ min: 1 }),
      default: undefined,
      says: 'How long one attempt may take before its signal aborts. By default as the background says.',
    },
    on: { is: onStatus, default: 'success', says: 'Which answers keep its tasks: below 400, from 400, or all.' },
    thread: {
      is: boolean(),
      default: false,
      says: 'Whether `run` is called in a worker thread, beside the event loop.',
    },
    isolate: {
      is: oneOf('process'),
      default: undefined,
      says: 'Calls `run` in a child process: for code that may crash natively, or eats memory outside of the heap.',
    },
    onBlock: {
      is: oneOf('report', 'thread'),
      default: 'report',
      says: 'What becomes of it when it blocks the event loop: it is reported, or after three times it runs in threads.',
    },
    memoryMb: {
      is: heapMb,
      default: undefined,
      says: 'The limit of the heap of the thread or child process, in megabytes, without Buffers. By default `threadMemoryMb`.',
    },
    module: {
      is: moduleUrl,
      default: undefined,
      says: 'The module that a thread or child process imports to find this definition. By default the one that calls `defineTask`.',
    },
    sessions: {
      is: sessionProviders,
      default: undefined,
      says: 'Providers of database sessions for this task, by name. A thread or a child process has no others.',
    },
    run: { is: aFunction<AnyTaskDefinition['run']>(), says: 'The work. It may run again after a crash.' },
  },
  [
    rule('thread and isolate exclude each other', (o) => !o.thread || o.isolate === undefined),
    rule('thread and isolate leave nothing to onBlock', (o) => o.onBlock === 'report' || kindOf(o) === undefined),
    rule("memoryMb needs thread, isolate or onBlock: 'thread'", (o) => o.memoryMb === undefined || mayLeave(o)),
    rule("module needs thread, isolate or onBlock: 'thread'", (o) => o.module === undefined || mayLeave(o)),
  ],
)

/**
 * Defines a task: a name that the store remembers, and the function to run.
 *
 * With a schema, `add` takes the schema's input type and `run` gets its output type. Without one, the type of `run`'s
 * parameter counts for both, unchecked at run time; a `run` without parameters is a task without input.
 *
 * With `thread: true` the module that calls this is imported again in each thread that runs the task, and finds it there by
 * its name: keep such tasks in modules that start nothing (docs/threads.md). So it is with `isolate: 'process'`.
 *
 * @returns a frozen definition, to list in `createBackground({ tasks: […] })` and to pass to `add`.
 * @throws TASK_NAME_INVALID, OPTION_UNKNOWN, OPTION_INVALID, OPTIONS_INVALID, OPTIONS_CONFLICT, DURATION_INVALID.
 */
export function defineTask<
  const Name extends string,
  Result,
  Parsed = undefined,
  Input = Parsed,
  const Version extends number = 1,
  const Providers extends SessionProviders = SessionProviders,
>(options: TaskOptions<Name, Input, Parsed, Result, Version, Providers>): TaskDefinition<Name, Input, Parsed, Result> {
  const name: unknown = (options as { name?: unknown } | undefined)?.name
  if (!isName(name)) throw new AfterwordError('TASK_NAME_INVALID', { got: received(name) })
  const where = `defineTask("${name}")`
  const { input, retry, thread, isolate, onBlock, memoryMb, module, ...rest } = TASK_OPTIONS.parse(where, options)
  checkUpgrade(where, rest)
  const kind = kindOf({ thread, isolate, onBlock }) ?? (onBlock === 'thread' ? 'thread' : undefined)
  const url = kind === undefined || module !== undefined ? module?.toString() : definingModule()
  const isGiven = module !== undefined
  const isolation: Isolation | undefined =
    kind && Object.freeze({ kind, url, isGiven, memoryMb, isOnBlock: onBlock === 'thread' })
  const definition: AnyTaskDefinition = Object.freeze({
    ...rest,
    schema: input,
    retry: retry && givenPolicy(options.retry, retry),
    isolation,
  })
  if (isolation !== undefined) noteDefinition(definition)
  return definition as TaskDefinition<Name, Input, Parsed, Result>
}

/** Only what was given: the rest comes from the background. */
function givenPolicy(given: RetryOptions | undefined, read: RetryPolicy): Partial<RetryPolicy> {
  return Object.freeze({
    ...(given?.attempts === undefined ? {} : { attempts: read.attempts }),
    ...(given?.base === undefined ? {} : { baseMs: read.baseMs }),
    ...(given?.cap === undefined ? {} : { capMs: read.capMs }),
  })
}

function checkUpgrade(where: string, { version, upgrade = {} }: Pick<AnyTaskDefinition, 'version' | 'upgrade'>): void {
  const below = new Set(Array.from({ length: version - 1 }, (_, i) => String(i + 1)))
  const wrong = Object.keys(upgrade).filter((from) => !below.has(from))
  if (wrong.length === 0) return
  const rule = `upgrade goes from versions below the version, which is ${version}`
  throw new AfterwordError('OPTIONS_CONFLICT', { where, rule, got: `upgrade from ${wrong.join(', ')}` })
}
