import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { didYouMean } from '../../src/model/did-you-mean.ts'

const KNOWN = ['concurrency', 'timeout', 'priority', 'queue', 'on', 'id', 'delay']

describe('the option that was meant', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['a missing letter', 'concurency', 'concurrency'],
    ['a letter too many', 'queues', 'queue'],
    ['a wrong letter', 'timeaut', 'timeout'],
    ['two neighbours swapped', 'qeueu', 'queue'],
    ['another case', 'TimeOut', 'timeout'],
    ['a short name with one error', 'ids', 'id'],
  ]
  for (const [what, given, meant] of table) {
    test(`${what} is forgiven`, () => assert.equal(didYouMean(given, KNOWN), meant))
  }

  test('nothing is guessed from afar', () => {
    assert.equal(didYouMean('retries', KNOWN), undefined)
    assert.equal(didYouMean('x', KNOWN), undefined)
    assert.equal(didYouMean('', KNOWN), undefined)
    assert.equal(didYouMean('timeout'.repeat(20), KNOWN), undefined)
  })

  test('the nearest of several is meant', () =>
    assert.equal(didYouMean('cat', ['cart', 'cat1', 'bat', 'cats']), 'cart'))
})
