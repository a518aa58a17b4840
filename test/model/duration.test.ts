import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { DURATION_MS_MAX, durationMs } from '../../src/model/duration.ts'
import { AfterwordError } from '../../src/model/errors.ts'

const refused = (value: unknown, got: string) =>
  assert.throws(
    () => durationMs(value, 'The delay'),
    (error) => {
      assert.ok(error instanceof AfterwordError)
      assert.deepEqual([error.code, error.details], ['DURATION_INVALID', { where: 'The delay', got }])
      return true
    },
  )

describe('a duration', () => {
  const table: readonly (readonly [unknown, number])[] = [
    [0, 0],
    [250, 250],
    [0.4, 0],
    [1.5, 2],
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.5h', 5_400_000],
    ['1e3s', 1_000_000],
    ['3650d', DURATION_MS_MAX],
  ]
  for (const [given, ms] of table) {
    test(`${JSON.stringify(given)} is ${ms} ms`, () => assert.equal(durationMs(given, 'x'), ms))
  }

  test('-0 is 0', () => assert.ok(Object.is(durationMs(-0, 'x'), 0)))

  test('a number is read as it is, rounded to whole milliseconds', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: DURATION_MS_MAX, noNaN: true }), (ms) => {
        const read = durationMs(ms, 'x')
        assert.ok(Number.isSafeInteger(read) && Math.abs(read - ms) <= 0.5)
      }),
    )
  })

  test('a string that the type admits is read, and one with a minus is refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3650 }), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (amount, unit) => {
        assert.ok(durationMs(`${amount}${unit}`, 'x') >= 0)
        assert.throws(() => durationMs(`-${amount}${unit}`, 'x'), { code: 'DURATION_INVALID' })
      }),
    )
  })
})

describe('what is not a duration is refused with what was received', () => {
  const table: readonly (readonly [unknown, string])[] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-1, '-1'],
    [10n, '10n'],
    ['', '""'],
    ['30', '"30"'],
    ['30 s', '"30 s"'],
    ['30S', '"30S"'],
    ['s', '"s"'],
    ['1,5h', '"1,5h"'],
    ['Infinitys', '"Infinitys"'],
    ['5 minutes', '"5 minutes"'],
    [{}, 'an object'],
    [['5s'], 'an array'],
    [new Date(0), 'a Date'],
  ]
  for (const [value, got] of table) {
    test(got, () => refused(value, value === Infinity ? `${got}, more than 3650 days` : got))
  }

  test('more than ten years says so', () => {
    refused('3651d', '"3651d", more than 3650 days')
    refused(DURATION_MS_MAX + 1, `${DURATION_MS_MAX + 1}, more than 3650 days`)
    refused('1e999d', '"1e999d", more than 3650 days')
  })

  test('a very long string is refused at once', () => {
    const startedMs = performance.now()
    refused('1'.repeat(1_000_000), `"${'1'.repeat(60)}"… (1000000 characters)`)
    assert.ok(performance.now() - startedMs < 1000)
  })
})
