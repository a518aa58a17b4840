import { didYouMean } from './did-you-mean.ts'
import { AfterwordError } from './errors.ts'
import type { AnyOptionKind, OptionKind, OptionRow } from './option-kinds.ts'
import { received } from './received.ts'

/*
 * Options, written once. A table says of each option what it can be, its default and what it does; types, defaults,
 * validation, messages and `docs/options.md` are all made from it:
 *
 *   const OPTIONS = optionTable({
 *     concurrency: { is: integer({ min: 1, max: 1000 }), default: 10, says: 'Tasks run at once in this process.' },
 *     heartbeat: { is: duration({ min: 100 }), default: '5s', says: 'How often a worker says that it is alive.' },
 *     lease: { is: duration({ min: '1s' }), default: '30s', says: 'A worker silent this long is dead.' },
 *   }, [rule('lease must be at least 3 × heartbeat', (o) => o.leaseMs >= 3 * o.heartbeatMs)])
 *
 *   OPTIONS.parse('createBackground', { lease: '1m' })  // { concurrency: 10, heartbeatMs: 5000, leaseMs: 60000 }, frozen
 *
 * An option without `default` is required; `default: undefined` makes it optional without a value. Explicit
 * `undefined` counts as not given, everywhere.
 */

/** One option of a table. The default is written as a caller would write it, and read by the same kind. */
export interface OptionEntry {
  readonly is: AnyOptionKind
  readonly default?: unknown
  /** One sentence for the docs. */
  readonly says: string
}

type Entries = Readonly<Record<string, OptionEntry>>
type GivenBy<K> = K extends OptionKind<infer Given, infer _Value, infer _Unit> ? Given : never
type ReadBy<K> = K extends { read(given: unknown, where: string, option: string): infer Value } ? Value : never
type UnitOf<K> = K extends { readonly unit: infer Unit extends string } ? Unit : ''
type RequiredNames<T extends Entries> = { [N in keyof T]: 'default' extends keyof T[N] ? never : N }[keyof T]

/** What a caller may pass: required options, and the others. */
export type GivenOptions<T extends Entries> = { readonly [N in RequiredNames<T>]: GivenBy<T[N]['is']> } & {
  readonly [N in Exclude<keyof T, RequiredNames<T>>]?: GivenBy<T[N]['is']> | undefined
}

/** What the program reads: every option, durations in milliseconds with `Ms` at the end of their names. */
export type ReadOptions<T extends Entries> = {
  readonly [N in keyof T & string as `${N}${UnitOf<T[N]['is']>}`]: T[N] extends { readonly default: undefined }
    ? ReadBy<T[N]['is']> | undefined
    : ReadBy<T[N]['is']>
}

/** What must hold between options; its text completes a sentence and names them. */
export interface OptionRule<Options> {
  readonly says: string
  readonly holds: (options: Options) => boolean
}

/** A rule across options, for example `rule('lease must be at least 3 × heartbeat', (o) => o.leaseMs >= 3 * o.heartbeatMs)`. */
export function rule<Options>(says: string, holds: (options: Options) => boolean): OptionRule<Options> {
  return { says, holds }
}

/** Options, written once; see {@link optionTable}. */
export interface OptionTable<Given, Read> {
  /**
   * Checks options and fills in the defaults. The result is frozen.
   *
   * @param where  what the options are for; every message begins with it.
   * @throws OPTIONS_INVALID when `given` is no object, OPTION_UNKNOWN, OPTION_INVALID, DURATION_INVALID, OPTIONS_CONFLICT.
   */
  parse(where: string, given: unknown): Read
  /** For the docs: every option, those of groups with their path as a name. */
  readonly rows: readonly OptionRow[]
  /** For the docs: what must hold between options. */
  readonly rules: readonly string[]
  /** Carries the type; never there at run time. */
  readonly '~given'?: Given
}

/** What a caller may pass to a table. */
export type OptionsGiven<Table> = Table extends OptionTable<infer Given, infer _Read> ? Given : never

/** What a table's `parse` returns. */
export type OptionsRead<Table> = Table extends OptionTable<infer _Given, infer Read> ? Read : never

/** Makes a table of options. A default that its own kind refuses throws here, so that a test of the table finds it. */
export function optionTable<const T extends Entries>(
  entries: T,
  rules: readonly OptionRule<ReadOptions<T>>[] = [],
): OptionTable<GivenOptions<T>, ReadOptions<T>> {
  return new Table(entries, rules as readonly OptionRule<Values>[]) as unknown as OptionTable<
    GivenOptions<T>,
    ReadOptions<T>
  >
}

/** The options of a table as one option of another: `retry: { is: group(RETRY_OPTIONS), default: {}, says }`. */
export function group<Given, Read>(table: OptionTable<Given, Read>): OptionKind<Given, Read> {
  return {
    expected: 'an object of options',
    unit: '',
    inner: table.rows,
    read: (given, where, option) => table.parse(`${where}: option "${option}"`, given),
  }
}

type Values = Readonly<Record<string, unknown>>

class Table implements OptionTable<Values, Values> {
  readonly rows: readonly OptionRow[]
  readonly rules: readonly string[]
  readonly #entries: ReadonlyMap<string, OptionEntry & { readonly readAs: string }>
  readonly #rules: readonly OptionRule<Values>[]
  readonly #defaults: Values
  readonly #required: readonly string[]

  constructor(entries: Entries, rules: readonly OptionRule<Values>[]) {
    const all = Object.entries(entries)
    this.#entries = new Map(all.map(([name, entry]) => [name, { ...entry, readAs: `${name}${entry.is.unit}` }]))
    this.#rules = rules
    this.#required = all.filter(([, entry]) => !('default' in entry)).map(([name]) => name)
    this.#defaults = Object.fromEntries(all.map(([name, entry]) => [`${name}${entry.is.unit}`, defaultOf(name, entry)]))
    this.rows = all.flatMap(([name, entry]) => rowsOf(name, entry))
    this.rules = rules.map(({ says }) => says)
  }

  parse(where: string, given: unknown): Values {
    if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given))) {
      throw new AfterwordError('OPTIONS_INVALID', { where, got: received(given) })
    }
    const values: Record<string, unknown> = { ...this.#defaults }
    if (given !== undefined) this.#readInto(values, where, given as Values)
    for (const option of this.#required) {
      if (values[this.#entries.get(option)?.readAs ?? option] === undefined) throw this.#missing(where, option)
    }
    for (const { says, holds } of this.#rules) {
      if (!holds(values)) {
        throw new AfterwordError('OPTIONS_CONFLICT', { where, rule: says, got: this.#concerned(says, values) })
      }
    }
    return Object.freeze(values)
  }

  #readInto(values: Record<string, unknown>, where: string, given: Values): void {
    for (const option of Object.keys(given)) {
      const entry = this.#entries.get(option)
      if (entry === undefined) {
        throw new AfterwordError('OPTION_UNKNOWN', { where, option, meant: didYouMean(option, this.#entries.keys()) })
      }
      const value = given[option]
      if (value !== undefined) values[entry.readAs] = entry.is.read(value, where, option)
    }
  }

  #missing(where: string, option: string): AfterwordError {
    const expected = this.#entries.get(option)?.is.expected ?? ''
    return new AfterwordError('OPTION_INVALID', { where, option, expected, got: 'nothing' })
  }

  /** The values of the options that the text of a rule names. */
  #concerned(says: string, values: Values): string {
    const words = new Set(says.split(/[^\w.]+/))
    const named = [...this.#entries].filter(([name]) => words.has(name))
    return named
      .map(([name, entry]) => `${name} ${received(values[entry.readAs])}${entry.is.unit === 'Ms' ? ' ms' : ''}`)
      .join(', ')
  }
}

function defaultOf(name: string, entry: OptionEntry): unknown {
  return entry.default === undefined ? undefined : entry.is.read(entry.default, 'The default', name)
}

function rowsOf(name: string, entry: OptionEntry): readonly OptionRow[] {
  const inner = (entry.is.inner ?? []).map((row) => ({ ...row, name: `${name}.${row.name}` }))
  const row = {
    name,
    expected: entry.is.expected,
    default: shown(entry.default),
    required: !('default' in entry),
    says: entry.says,
  }
  return [row, ...inner]
}

/** A default as one would write it. */
function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : received(value)
}
