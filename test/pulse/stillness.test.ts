import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stillness } from '../../src/pulse/stillness.ts'

test('a loop is still from the last turn on that was seen', () => {
  const stillness = new Stillness(0)
  assert.deepEqual([stillness.look(1, 25, 25), stillness.ms], [true, 0])
  assert.deepEqual([stillness.look(1, 50, 25), stillness.ms], [false, 25])
  assert.deepEqual([stillness.look(1, 80, 25), stillness.ms], [false, 55])
  assert.deepEqual([stillness.look(2, 105, 25), stillness.ms], [true, 0])
})

test('the time in which whoever looks stood still as well does not count', () => {
  const stillness = new Stillness(0)
  stillness.look(1, 25, 25)
  stillness.look(1, 60_025, 25)
  assert.equal(stillness.ms, 50)
})
