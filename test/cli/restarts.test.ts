/** When a process that died starts again. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Restarts } from '../../src/cli/restarts.ts'
import { fixedChance } from '../support/bench.ts'

const AT_START = undefined

describe('the pause before a process starts again', () => {
  test('doubles with each death, up to fifty times the first', () => {
    const restarts = new Restarts(100, fixedChance(1))
    const pauses = Array.from({ length: 8 }, () => restarts.died(1))
    assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  })

  test('is drawn from its upper half', () => {
    assert.equal(new Restarts(100, fixedChance(0)).died(1), 50)
    assert.equal(new Restarts(100, fixedChance(0.5)).died(1), 75)
  })

  test('is the first again after a process that was ready for ten seconds', () => {
    const restarts = new Restarts(100, fixedChance(1))
    restarts.died(1)
    restarts.died(AT_START)
    assert.equal(restarts.died(9_999), 400)
    assert.equal(restarts.died(10_000), 100)
    assert.equal(restarts.died(1), 200)
  })
})

describe('a process that dies at its start', () => {
  test('ten times in a row is not started again', () => {
    const restarts = new Restarts(100, fixedChance(1))
    for (let death = 1; death < 10; death++) assert.notEqual(restarts.died(AT_START), undefined)
    assert.equal(restarts.died(AT_START), undefined)
    assert.equal(restarts.deathsAtStart, 10)
  })

  test('begins to count anew once one was ready', () => {
    const restarts = new Restarts(100, fixedChance(1))
    for (let death = 1; death < 10; death++) restarts.died(AT_START)
    restarts.ready()
    assert.notEqual(restarts.died(1), undefined)
    assert.notEqual(restarts.died(AT_START), undefined)
  })
})
