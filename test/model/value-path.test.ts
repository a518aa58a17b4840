import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPath } from '../../src/model/value-path.ts'

test('a path is written as one would write it in code', () => {
  assert.equal(formatPath('input', []), 'input')
  assert.equal(
    formatPath('input', ['user', 'größe', '$ref', 'two words', '1st', '']),
    'input.user.größe.$ref["two words"]["1st"][""]',
  )
  assert.equal(formatPath('input', ['lines', 3, 'sku']), 'input.lines[3].sku')
  assert.equal(formatPath('input', [Symbol('hidden')]), 'input[Symbol(hidden)]')
})

test('a step into a Map or a Set names its key or its place', () => {
  assert.equal(formatPath('input', ['m', { entry: 'value of', at: 'ada' }, 'x']), 'input.m.get("ada").x')
  assert.equal(formatPath('input', ['m', { entry: 'value of', at: {} }]), 'input.m.get(an object)')
  assert.equal(formatPath('input', ['m', { entry: 'key', at: 2 }]), 'input.m.keys()[2]')
  assert.equal(formatPath('input', ['s', { entry: 'member', at: 0 }]), 'input.s.values()[0]')
})

test('a very long path loses its middle', () => {
  const path = formatPath(
    'input',
    Array.from({ length: 500 }, () => 'next'),
  )
  assert.equal(path.length, 201)
  assert.match(path, /^input\.next.*….*\.next$/)
})
