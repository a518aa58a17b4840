import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { retryDelayMs } from '../../src/engine/retry-policy.ts'
import { fixedChance } from '../support/bench.ts'

const policy = { attempts: 1_000, baseMs: 2_000, capMs: 600_000 }
const most = fixedChance(1 - Number.EPSILON)

describe('the wait before the next attempt', () => {
  test('is bounded by a base that doubles with each failed attempt, up to the cap', () => {
    const bounds = [1, 2, 3, 9, 10, 11, 50].map((failed) => retryDelayMs(failed, policy, most) + 1)
    assert.deepEqual(bounds, [2_000, 4_000, 8_000, 512_000, 600_000, 600_000, 600_000])
  })

  test('is anywhere below its bound: full jitter', () => {
    const waits = [0, 0.25, 0.5, 0.75].map((fraction) => retryDelayMs(2, policy, fixedChance(fraction)))
    assert.deepEqual(waits, [0, 1_000, 2_000, 3_000])
  })

  test('is a whole number of milliseconds from 0 to the cap, whatever the policy, the attempt and the chance', () => {
    const duration = fc.integer({ min: 1, max: 31_536_000_000 })
    const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(duration, duration, fc.integer({ min: 1, max: 1_000 }), fraction, (a, b, failed, chance) => {
        const [baseMs, capMs] = [Math.min(a, b), Math.max(a, b)]
        const waitMs = retryDelayMs(failed, { attempts: 1_000, baseMs, capMs }, fixedChance(chance))
        assert.ok(Number.isInteger(waitMs) && waitMs >= 0 && waitMs <= capMs, `${waitMs}`)
      }),
    )
  })

  test('of tasks that failed together differs: they do not return together', () => {
    const fractions = Array.from({ length: 100 }, (_, i) => i / 100)
    const waits = new Set(fractions.map((fraction) => retryDelayMs(1, policy, fixedChance(fraction))))
    assert.equal(waits.size, 100)
  })
})
