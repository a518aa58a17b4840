import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { median, percentile, quantile, ratios, slope, summary, turn } from '../../bench/statistics.ts'

describe('the statistics of the benchmarks', () => {
  test('a median is the middle, or lies between the two middle ones', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 3, 2]), 2.5)
    assert.equal(median([7]), 7)
  })

  test('quartiles lie a quarter of the way in from both ends', () => {
    assert.deepEqual(summary([5, 1, 4, 2, 3]), { median: 3, q1: 2, q3: 4, min: 1, max: 5 })
    assert.equal(quantile([10, 20], 0.25), 12.5)
  })

  test('a percentile is one of the values, and the last one at most', () => {
    const values = Float64Array.from({ length: 100 }, (_, index) => index + 1)
    assert.equal(percentile(values, 0.5), 51)
    assert.equal(percentile(values, 0.99), 100)
    assert.equal(percentile([1], 0.99), 1)
    assert.equal(percentile([], 0.5), NaN)
  })

  test('ratios are of the same round, so that noise of a round cancels out', () => {
    assert.deepEqual(ratios([50, 5, 500], [100, 10, 1000]), [0.5, 0.5, 0.5])
    assert.throws(() => ratios([1, 2], [1]), /2 and 1/)
  })

  test('a slope is that of the line through the points', () => {
    assert.equal(
      slope([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
      2,
    )
    assert.equal(
      slope([
        [1, 4],
        [2, 4],
      ]),
      0,
    )
  })

  test('every variant has one turn in a round, and each is first and last in its time', () => {
    const ring = ['a', 'b', 'c']
    const rounds = [0, 1, 2, 3, 4, 5].map((round) => turn(ring, round).join(''))
    assert.deepEqual(rounds, ['abc', 'acb', 'cab', 'cba', 'bca', 'bac'])
  })
})
