import { durationMs } from './duration.ts'
import type { Duration } from './duration.ts'
import { AfterwordError, isAfterwordError } from './errors.ts'
import { received } from './received.ts'

/*
 * What an option can be. A kind makes its expected text from the very bounds that it checks, so that a message and its
 * check cannot disagree. `Given` is what a caller writes, `Value` what the program reads, `Unit` what the name gains on
 * the way: a duration given as `lease` is read as `leaseMs`.
 */

/** What an option can be. */
export interface OptionKind<Given, Value = Given, Unit extends string = ''> {
  /** Completes "must be …". */
  readonly expected: string
  /** What the name gains when it is read: `Ms` or nothing. */
  readonly unit: Unit
  /** The options inside of it, for the docs, when it is a group. */
  readonly inner?: readonly OptionRow[]
  /**
   * Returns the value to use.
   *
   * @throws OPTION_INVALID, DURATION_INVALID or OPTION_UNKNOWN, with `where` and `option` in it.
   */
  read(given: unknown, where: string, option: string): Value
  /** Carries the type; never there at run time. */
  readonly '~given'?: Given
}

/** One option as the docs show it. Options in a group have their path as a name: `retry.attempts`. */
export interface OptionRow {
  readonly name: string
  readonly expected: string
  /** As one would write it; undefined when there is none. */
  readonly default: string | undefined
  readonly required: boolean
  readonly says: string
}

/** Any kind. */
// oxlint-disable-next-line typescript/no-explicit-any -- `read` and `~given` differ for each kind: only `any` admits all.
export type AnyOptionKind = OptionKind<any, any, string>

/** A kind of one's own: `expected` completes "must be …", `accepts` decides. */
export function custom<T>(expected: string, accepts: (given: unknown) => given is T): OptionKind<T> {
  return {
    expected,
    unit: '',
    read(given, where, option) {
      if (accepts(given)) return given
      throw refusal(where, option, expected, given)
    },
  }
}

/** A whole number within bounds that are part of it. */
export function integer({ min, max }: { min?: number; max?: number } = {}): OptionKind<number> {
  const low = min ?? Number.MIN_SAFE_INTEGER
  const high = max ?? Number.MAX_SAFE_INTEGER
  const accepts = (given: unknown): given is number =>
    Number.isSafeInteger(given) && (given as number) >= low && (given as number) <= high
  return custom(`an integer${bounds(min, max, String)}`, accepts)
}

/** The limit of a heap, in megabytes: from about what Node itself needs. */
export const heapMb = integer({ min: 8, max: 1_000_000 })

/** `true` or `false`, nothing that merely looks like them. */
export function boolean(): OptionKind<boolean> {
  return custom('true or false', (given): given is boolean => typeof given === 'boolean')
}

/** One of these strings. */
export function oneOf<const Choices extends readonly string[]>(...choices: Choices): OptionKind<Choices[number]> {
  return custom(alternatives(choices.map(received)), (given): given is Choices[number] =>
    choices.includes(given as string),
  )
}

/** A string of `min` (1) to `max` characters. */
export function string({ min = 1, max }: { min?: number; max?: number } = {}): OptionKind<string> {
  return custom(
    `a string${lengths(min, max)}`,
    (given): given is string => typeof given === 'string' && given.length >= min && given.length <= (max ?? Infinity),
  )
}

function lengths(min: number, max: number | undefined): string {
  if (max !== undefined) return ` of ${min} to ${max} characters`
  if (min > 1) return ` of at least ${min} characters`
  return min === 1 ? ' that is not empty' : ''
}

/** Any function; its parameters are the caller's affair. */
export function aFunction<T extends (...args: never[]) => unknown>(): OptionKind<T> {
  return custom('a function', (given): given is T => typeof given === 'function')
}

/** An object, of whatever class, that has these methods. */
export function withMethods<T extends object>(...methods: readonly (keyof T & string)[]): OptionKind<T> {
  const accepts = (given: unknown): given is T =>
    typeof given === 'object' &&
    given !== null &&
    methods.every((method) => typeof (given as Record<string, unknown>)[method] === 'function')
  return custom(`an object with the method${methods.length === 1 ? '' : 's'} ${conjunction(methods)}`, accepts)
}

/** A {@link Duration}, read as milliseconds; the bounds are part of it. */
export function duration({ min, max }: { min?: Duration; max?: Duration } = {}): OptionKind<Duration, number, 'Ms'> {
  const minMs = min === undefined ? 0 : durationMs(min, 'min')
  const maxMs = max === undefined ? Infinity : durationMs(max, 'max')
  const expected = `a duration${bounds(min, max, (bound) => (typeof bound === 'number' ? `${bound} ms` : `'${bound}'`))}`
  return {
    expected,
    unit: 'Ms',
    read(given, where, option) {
      const ms = durationMs(given, `${where}: option "${option}"`)
      if (ms >= minMs && ms <= maxMs) return ms
      throw refusal(where, option, expected, given)
    },
  }
}

/** A plain object in which every value is of one kind. Read as a frozen object without a prototype: look up any name. */
export function recordOf<Given, Value>(
  kind: OptionKind<Given, Value, string>,
): OptionKind<Readonly<Record<string, Given>>, Readonly<Record<string, Value>>> {
  const expected = `an object in which each value is ${kind.expected}`
  return {
    expected,
    unit: '',
    read(given, where, option) {
      if (!isPlainObject(given)) {
        throw refusal(where, option, expected, given)
      }
      const record = Object.create(null) as Record<string, Value>
      for (const [key, value] of Object.entries(given)) record[key] = kind.read(value, where, `${option}.${key}`)
      return Object.freeze(record)
    },
  }
}

/** An array in which every element is of one kind. Read as a frozen copy. */
export function listOf<Given, Value>(
  kind: OptionKind<Given, Value, string>,
): OptionKind<readonly Given[], readonly Value[]> {
  const expected = `an array in which each element is ${kind.expected}`
  return {
    expected,
    unit: '',
    read(given, where, option) {
      if (!Array.isArray(given)) {
        throw refusal(where, option, expected, given)
      }
      return Object.freeze(
        Array.from(given, (element: unknown, index) => kind.read(element, where, `${option}[${index}]`)),
      )
    },
  }
}

/** What one of two kinds takes; the first that takes it reads it. */
export function either<G1, V1, G2, V2>(
  first: OptionKind<G1, V1, string>,
  second: OptionKind<G2, V2, string>,
): OptionKind<G1 | G2, V1 | V2> {
  const expected = `${first.expected}, or ${second.expected}`
  return {
    expected,
    unit: '',
    read(given, where, option) {
      const refusals: AfterwordError[] = []
      for (const kind of [first, second]) {
        try {
          return kind.read(given, where, option)
        } catch (error) {
          if (!isAfterwordError(error)) throw error
          refusals.push(error)
        }
      }
      // A refusal inside of the value tells more than one of the whole.
      const inside = refusals.find(
        (error) => isAfterwordError(error, 'OPTION_INVALID') && error.details.option !== option,
      )
      throw inside ?? refusal(where, option, expected, given)
    },
  }
}

function refusal(where: string, option: string, expected: string, given: unknown): AfterwordError {
  return new AfterwordError('OPTION_INVALID', { where, option, expected, got: received(given) })
}

function isPlainObject(given: unknown): given is Record<string, unknown> {
  if (typeof given !== 'object' || given === null) return false
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype === Object.prototype || prototype === null
}

function bounds<T>(min: T | undefined, max: T | undefined, show: (bound: T) => string): string {
  if (min !== undefined && max !== undefined) return ` from ${show(min)} to ${show(max)}`
  if (min !== undefined) return ` from ${show(min)}`
  return max === undefined ? '' : ` up to ${show(max)}`
}

const alternatives = (texts: readonly string[]): string => joined(texts, 'or')

const conjunction = (texts: readonly string[]): string => joined(texts, 'and')

function joined(texts: readonly string[], word: string): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} ${word} ${texts.at(-1)}`
}
