import type { Duration } from './duration.ts'
import { AfterwordError } from './errors.ts'
import { aName } from './name.ts'
import { boolean, custom, duration, integer, oneOf } from './option-kinds.ts'
import type { OptionKind } from './option-kinds.ts'
import { optionTable, rule } from './option-table.ts'
import type { OptionsRead } from './option-table.ts'
import { received } from './received.ts'
import type { Durability, Instant, OnStatus, TaskId } from './task.ts'

/** How one task is added. Everything is optional; what is not given comes from its definition, then from the background. */
export interface AddOptions {
  /** How long to wait before it may run, from the moment of `add`. Not together with `runAt`. */
  readonly delay?: Duration | undefined
  /** When it may run: a Date, or milliseconds since the Unix epoch. The past is at once. Not together with `delay`. */
  readonly runAt?: Date | Instant | undefined
  /** Higher runs sooner: an integer from -1000 to 1000. The definition's is the default. */
  readonly priority?: number | undefined
  /** Where it waits: 1 to 100 letters, digits or `-_.:/`. The definition's is the default. */
  readonly queue?: string | undefined
  /** Which answers keep it: below 400 (`success`), from 400 (`error`), or all (`always`). The definition's is the default. */
  readonly on?: OnStatus | undefined
  /** An identity of your own, 1 to 200 characters: adding it twice adds it once. By default a new UUIDv7. */
  readonly id?: TaskId | undefined
  /** True: does not wait for the earlier tasks of its response, nor do later ones wait for it. By default false. */
  readonly parallel?: boolean | undefined
  /** What it survives once it is acknowledged: `power` a power cut, `process` the death of the process. The background's is the default. */
  readonly durability?: Durability | undefined
}

/** The latest instant that a Date can hold, in milliseconds since the Unix epoch (ECMA-262, "Time Values and Time Range"). */
const INSTANT_MAX = 8.64e15

/** A task's priority: an integer from -1000 to 1000; higher runs sooner. */
export const priority = integer({ min: -1000, max: 1000 })

/** Which answers keep a task. */
export const onStatus = oneOf('success', 'error', 'always')

/** What an acknowledged task survives. */
export const durability = oneOf('power', 'process')

/** True for an id that every store keeps as it is: 1 to 200 characters, without NUL and without half of a surrogate pair. */
function isTaskId(given: unknown): given is TaskId {
  return (
    typeof given === 'string' &&
    given.length >= 1 &&
    given.length <= 200 &&
    given.isWellFormed() &&
    !given.includes('\0')
  )
}

/** A task's identity, as an option. */
export const taskId = custom('a string of 1 to 200 characters, well-formed and without NUL', isTaskId)

const givenInstant = custom('a valid Date or milliseconds since the Unix epoch', (given): given is Date | Instant => {
  const ms: unknown = given instanceof Date ? given.getTime() : given
  return typeof ms === 'number' && Math.abs(ms) <= INSTANT_MAX
})

const instant: OptionKind<Date | Instant, Instant> = {
  ...givenInstant,
  read: (given, where, option) => Math.round(Number(givenInstant.read(given, where, option))),
}

/** The options of `add`, for the docs and for {@link parseAddOptions}. */
export const ADD_OPTIONS = optionTable(
  {
    delay: {
      is: duration(),
      default: undefined,
      says: 'How long to wait before it may run, from the moment of `add`.',
    },
    runAt: { is: instant, default: undefined, says: 'When it may run; the past is at once.' },
    priority: { is: priority, default: undefined, says: "Higher runs sooner. The definition's is the default." },
    queue: { is: aName, default: undefined, says: "Where it waits. The definition's is the default." },
    on: {
      is: onStatus,
      default: undefined,
      says: "Which answers keep it: below 400, from 400, or all. The definition's is the default.",
    },
    id: {
      is: taskId,
      default: undefined,
      says: 'An identity of your own: adding it twice adds it once. By default a new UUIDv7.',
    },
    parallel: {
      is: boolean(),
      default: false,
      says: 'Does not wait for the earlier tasks of its response, nor do later ones wait for it.',
    },
    durability: {
      is: durability,
      default: undefined,
      says: "What it survives once it is acknowledged. The background's is the default.",
    },
  },
  [rule('delay and runAt exclude each other', (o) => o.delayMs === undefined || o.runAt === undefined)],
)

/** {@link AddOptions} as the engine reads them: `delayMs` and `runAt` as numbers; undefined is "as the definition says". */
export type ReadAddOptions = OptionsRead<typeof ADD_OPTIONS>

const NO_OPTIONS = ADD_OPTIONS.parse('add', undefined)

/**
 * Checks the options of one `add`. Without options it costs nothing: the same frozen object each time.
 *
 * @param name  the name of the task, for the messages.
 * @throws TASK_ID_INVALID, OPTION_UNKNOWN, OPTION_INVALID, OPTIONS_INVALID, OPTIONS_CONFLICT, DURATION_INVALID.
 */
export function parseAddOptions(options: AddOptions | undefined, name: string): ReadAddOptions {
  if (options === undefined) return NO_OPTIONS
  const id: unknown = (options as AddOptions | null)?.id
  if (id !== undefined && !isTaskId(id)) throw new AfterwordError('TASK_ID_INVALID', { name, got: received(id) })
  return ADD_OPTIONS.parse(`add("${name}")`, options)
}
