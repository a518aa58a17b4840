import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ADD_OPTIONS } from '../../src/model/add-options.ts'
import type { ErrorCode } from '../../src/model/errors.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import {
  aFunction,
  boolean,
  custom,
  duration,
  either,
  integer,
  listOf,
  oneOf,
  recordOf,
  string,
  withMethods,
} from '../../src/model/option-kinds.ts'
import type { OptionKind } from '../../src/model/option-kinds.ts'
import type { OptionsGiven, OptionsRead } from '../../src/model/option-table.ts'
import { group, optionTable, rule } from '../../src/model/option-table.ts'
import { RETRY_OPTIONS } from '../../src/model/retry-options.ts'

const RETRY = optionTable(
  {
    attempts: { is: integer({ min: 1, max: 1000 }), default: 3, says: 'How often.' },
    base: { is: duration({ min: 1 }), default: '1s', says: 'The first wait.' },
    cap: { is: duration({ min: 1, max: '365d' }), default: '1h', says: 'The longest wait.' },
  },
  [rule('cap must be at least base', (o) => o.capMs >= o.baseMs)],
)

const OPTIONS = optionTable(
  {
    store: { is: string({ max: 20 }), says: 'Where.' },
    concurrency: { is: integer({ min: 1, max: 1000 }), default: 10, says: 'How many.' },
    lease: { is: duration({ min: '1s' }), default: '30s', says: 'How long.' },
    beat: { is: duration(), default: 5000, says: 'How often.' },
    limits: { is: recordOf(integer({ min: 0 })), default: {}, says: 'By queue.' },
    retry: { is: group(RETRY), default: {}, says: 'How often again.' },
    name: { is: string(), default: undefined, says: 'Its name.' },
  },
  [rule('lease must be at least 3 × beat', (o) => o.leaseMs >= 3 * o.beatMs)],
)

function caught(act: () => unknown): AfterwordError {
  try {
    act()
  } catch (error) {
    if (error instanceof AfterwordError) return error
    throw error
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' })
}

function assertRefused(act: () => unknown, code: ErrorCode, message: string): void {
  const error = caught(act)
  assert.equal(error.code, code)
  assert.equal(error.message.split('\n')[0], `[${code}] ${message}`)
}

const parse = (given: unknown) => OPTIONS.parse('create()', given)

describe('an option table', () => {
  test('fills in the defaults, read by their kinds', () => {
    assert.deepEqual(
      { ...parse({ store: 'x' }) },
      {
        store: 'x',
        concurrency: 10,
        leaseMs: 30_000,
        beatMs: 5000,
        limits: Object.create(null) as object,
        retry: { attempts: 3, baseMs: 1000, capMs: 3_600_000 },
        name: undefined,
      },
    )
  })

  test('takes what is given, durations in milliseconds under a name that says so', () => {
    const read = parse({ store: 'x', lease: '1m', retry: { attempts: 1 }, limits: { mail: 2 } })
    assert.equal(read.leaseMs, 60_000)
    assert.deepEqual({ ...read.retry }, { attempts: 1, baseMs: 1000, capMs: 3_600_000 })
    assert.equal(read.limits['mail'], 2)
    assert.equal(read.limits['toString'], undefined)
  })

  test('counts undefined as not given', () => {
    assert.equal(parse({ store: 'x', concurrency: undefined }).concurrency, 10)
    assertRefused(
      () => parse({ store: undefined }),
      'OPTION_INVALID',
      'create(): option "store" must be a string of 1 to 20 characters, got nothing.',
    )
  })

  test('returns frozen values and leaves the given object alone', () => {
    const given = Object.freeze({ store: 'x', limits: { mail: 1 } })
    const read = parse(given)
    for (const part of [read, read.limits, read.retry, parse({ store: 'x' }).retry]) assert.ok(Object.isFrozen(part))
    given.limits.mail = 9
    assert.equal(read.limits['mail'], 1)
  })

  test('refuses an unknown option and says what was meant', () => {
    assertRefused(
      () => parse({ store: 'x', concurency: 1 }),
      'OPTION_UNKNOWN',
      'create() got an unknown option "concurency", did you mean "concurrency"?',
    )
    assertRefused(() => parse({ store: 'x', redis: 1 }), 'OPTION_UNKNOWN', 'create() got an unknown option "redis".')
    assertRefused(
      () => parse({ store: 'x', retry: { atempts: 1 } }),
      'OPTION_UNKNOWN',
      'create(): option "retry" got an unknown option "atempts", did you mean "attempts"?',
    )
    assertRefused(
      () => parse(JSON.parse('{"store":"x","__proto__":{}}')),
      'OPTION_UNKNOWN',
      'create() got an unknown option "__proto__".',
    )
  })

  test('refuses what is no object of options', () => {
    for (const [given, got] of [
      [null, 'null'],
      [[], 'an empty array'],
      ['x', '"x"'],
      [1, '1'],
      [() => 1, 'a function'],
    ] as const) {
      assertRefused(() => parse(given), 'OPTIONS_INVALID', `create() must be given an object of options, got ${got}.`)
    }
  })

  test('holds its rules and names the values that break one', () => {
    assertRefused(
      () => parse({ store: 'x', beat: '20s' }),
      'OPTIONS_CONFLICT',
      'create(): lease must be at least 3 × beat, got lease 30000 ms, beat 20000 ms.',
    )
    assertRefused(
      () => parse({ store: 'x', retry: { base: '2h' } }),
      'OPTIONS_CONFLICT',
      'create(): option "retry": cap must be at least base, got base 7200000 ms, cap 3600000 ms.',
    )
  })

  test('refuses a default that its own kind refuses, when it is made', () => {
    const act = () => optionTable({ n: { is: integer({ min: 1 }), default: 0, says: '' } })
    assertRefused(act, 'OPTION_INVALID', 'The default: option "n" must be an integer from 1, got 0.')
  })

  test('lists its rows for the docs, groups with their paths', () => {
    const rows = OPTIONS.rows.map((row) => [row.name, row.expected, row.default, row.required])
    assert.deepEqual(rows, [
      ['store', 'a string of 1 to 20 characters', undefined, true],
      ['concurrency', 'an integer from 1 to 1000', '10', false],
      ['lease', "a duration from '1s'", "'30s'", false],
      ['beat', 'a duration', '5000', false],
      ['limits', 'an object in which each value is an integer from 0', '{}', false],
      ['retry', 'an object of options', '{}', false],
      ['retry.attempts', 'an integer from 1 to 1000', '3', false],
      ['retry.base', 'a duration from 1 ms', "'1s'", false],
      ['retry.cap', "a duration from 1 ms to '365d'", "'1h'", false],
      ['name', 'a string that is not empty', undefined, false],
    ])
    assert.deepEqual(OPTIONS.rules, ['lease must be at least 3 × beat'])
    assert.ok(OPTIONS.rows.every((row) => row.says !== ''))
  })

  test('reads an option once, so a getter cannot change its mind', () => {
    let reads = 0
    const given = {
      store: 'x',
      get concurrency() {
        return ++reads === 1 ? 5 : 'five'
      },
    }
    assert.equal(parse(given).concurrency, 5)
    assert.equal(reads, 1)
  })

  test('infers its types', () => {
    type Given = OptionsGiven<typeof OPTIONS>
    const given: Given = { store: 'x', lease: '1m', retry: { cap: '2h' } }
    const read: OptionsRead<typeof OPTIONS> = parse(given)
    const typed: [string, number, number, string | undefined] = [read.store, read.leaseMs, read.retry.capMs, read.name]
    assert.equal(typed.length, 4)
    // @ts-expect-error -- a required option must be given.
    const missing: Given = {}
    // @ts-expect-error -- a duration has a unit.
    const wrong: Given = { store: 'x', lease: '5 minutes' }
    assert.ok(missing && wrong)
  })
})

describe('every table of ours', () => {
  const tables = { ADD_OPTIONS, RETRY_OPTIONS }
  for (const [name, table] of Object.entries(tables)) {
    test(`${name} accepts its defaults and refuses an unknown option`, () => {
      assert.ok(Object.isFrozen(table.parse(name, {})))
      assertRefused(() => table.parse(name, { zzzzzz: 1 }), 'OPTION_UNKNOWN', `${name} got an unknown option "zzzzzz".`)
    })
  }
})

describe('a kind', () => {
  const read = <T>(kind: OptionKind<unknown, T, string>, given: unknown): T => kind.read(given, 'f()', 'x')
  const invalid = (kind: OptionKind<unknown, unknown, string>, given: unknown, must: string) =>
    assertRefused(() => read(kind, given), 'OPTION_INVALID', `f(): option "x" must be ${must}.`)

  test('integer takes its bounds and nothing past them', () => {
    const kind = integer({ min: 1, max: 10 })
    assert.deepEqual([read(kind, 1), read(kind, 10)], [1, 10])
    for (const given of [0, 11, 1.5, NaN, Infinity]) invalid(kind, given, `an integer from 1 to 10, got ${given}`)
    invalid(kind, '5', 'an integer from 1 to 10, got "5"')
    invalid(kind, 5n, 'an integer from 1 to 10, got 5n')
    invalid(integer({ max: 3 }), 4, 'an integer up to 3, got 4')
    invalid(integer(), 2 ** 53, `an integer, got ${2 ** 53}`)
  })

  test('duration takes its bounds and nothing past them', () => {
    const kind = duration({ min: 100, max: '1h' })
    assert.deepEqual([read(kind, 100), read(kind, '60m')], [100, 3_600_000])
    invalid(kind, 99, "a duration from 100 ms to '1h', got 99")
    invalid(kind, '2h', `a duration from 100 ms to '1h', got "2h"`)
    assertRefused(() => read(kind, 'soon'), 'DURATION_INVALID', 'f(): option "x" is not a duration: got "soon".')
  })

  test('oneOf takes its choices', () => {
    const kind = oneOf('a', 'b', 'c')
    assert.equal(read(kind, 'b'), 'b')
    invalid(kind, 'B', '"a", "b" or "c", got "B"')
  })

  test('boolean takes no look-alikes', () => {
    assert.equal(read(boolean(), false), false)
    invalid(boolean(), 0, 'true or false, got 0')
    invalid(boolean(), 'true', 'true or false, got "true"')
  })

  test('string takes its lengths', () => {
    assert.equal(read(string({ min: 0, max: 2 }), ''), '')
    invalid(string({ max: 2 }), '', 'a string of 1 to 2 characters, got ""')
    invalid(string(), '', 'a string that is not empty, got ""')
    invalid(string({ min: 3 }), 'ab', 'a string of at least 3 characters, got "ab"')
    invalid(string({ min: 0 }), 5, 'a string, got 5')
    invalid(string({ max: 2 }), 'abc', 'a string of 1 to 2 characters, got "abc"')
  })

  test('aFunction and withMethods look at what can be called', () => {
    assert.equal(read(aFunction(), assert.ok), assert.ok)
    invalid(aFunction(), {}, 'a function, got an object')
    const kind = withMethods<Console>('log', 'warn', 'error')
    assert.equal(read(kind, console), console)
    invalid(kind, { log: () => {} }, 'an object with the methods log, warn and error, got an object')
    invalid(kind, null, 'an object with the methods log, warn and error, got null')
  })

  test('recordOf and listOf name the place inside', () => {
    const inside = (kind: OptionKind<unknown, unknown, string>, given: unknown, where: string) =>
      assert.equal((caught(() => read(kind, given)).details as { option: string }).option, where)
    inside(recordOf(integer()), { mail: 'x' }, 'x.mail')
    inside(listOf(integer()), [1, 'x'], 'x[1]')
    inside(recordOf(listOf(boolean())), { a: [true], b: [1] }, 'x.b[0]')
    invalid(recordOf(integer()), new Map(), 'an object in which each value is an integer, got a Map')
    invalid(listOf(integer()), {}, 'an array in which each element is an integer, got an object')
  })

  test('a record with "__proto__" as a key reaches no prototype', () => {
    const record = read(
      recordOf(custom('anything', (given): given is unknown => given !== undefined)),
      JSON.parse('{"__proto__":{"evil":1}}'),
    )
    assert.equal(Object.getPrototypeOf(record), null)
    assert.equal(({} as Record<string, unknown>)['evil'], undefined)
  })

  test('either takes what one of two takes, and tells what is wrong inside', () => {
    const kind = either(integer({ min: 1 }), recordOf(integer({ min: 1 })))
    assert.equal(read(kind, 5), 5)
    assert.deepEqual({ ...(read(kind, { mail: 2 }) as object) }, { mail: 2 })
    invalid(kind, 'x', 'an integer from 1, or an object in which each value is an integer from 1, got "x"')
    assertRefused(
      () => read(kind, { mail: 0 }),
      'OPTION_INVALID',
      'f(): option "x.mail" must be an integer from 1, got 0.',
    )
  })
})
