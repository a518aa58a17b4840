import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { received } from '../../src/model/received.ts'

class Invoice {
  readonly number = 1
}

describe('what was received is said in a few words', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const table: readonly (readonly [unknown, string])[] = [
    ['abc', '"abc"'],
    ['a"\n\ud800', '"a\\"\\n\\ud800"'],
    ['x'.repeat(61), `"${'x'.repeat(60)}"… (61 characters)`],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [-0, '-0'],
    [12n, '12n'],
    [10n ** 400n, 'a long bigint'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('secret'), 'a symbol'],
    [() => 1, 'a function'],
    [Invoice, 'a function'],
    [{ a: 1 }, 'an object'],
    [Object.create(null), 'an object'],
    [runInNewContext('({})'), 'an object'],
    [[], 'an empty array'],
    [[1], 'an array'],
    [new Date(0), 'a Date'],
    [new Date(NaN), 'an invalid Date'],
    [new Error('no'), 'an Error'],
    [Promise.resolve(), 'a Promise'],
    [new URL('http://localhost'), 'a URL'],
    [new Invoice(), 'an instance of Invoice'],
    [new Socket(), 'an instance of Socket'],
    [
      new (class {
        readonly a = 1
      })(),
      'an instance of a class without a name',
    ],
    [Object.create(Date.prototype), 'an object that cannot be inspected'],
    [revoked.proxy, 'an object that cannot be inspected'],
  ]
  for (const [value, words] of table) test(words, () => assert.equal(received(value), words))

  test('a value that throws at every question does not make it throw', () => {
    const hostile = new Proxy({}, { get: fail, getPrototypeOf: fail, ownKeys: fail })
    assert.equal(received(hostile), 'an object that cannot be inspected')
  })
})

function fail(): never {
  throw new Error('no')
}
