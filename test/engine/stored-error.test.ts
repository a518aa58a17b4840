import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { storedError } from '../../src/engine/stored-error.ts'

describe('an error, as it is stored,', () => {
  test('keeps name, message, code and stack', () => {
    const error = Object.assign(new TypeError('no mail'), { code: 'SMTP' })
    const { stack } = error
    assert.deepEqual(storedError(error), { name: 'TypeError', message: 'no mail', code: 'SMTP', stack })
  })

  test('has its code as text when it is a number, and none when it is neither', () => {
    assert.equal(storedError(Object.assign(new Error('x'), { code: 42 })).code, '42')
    assert.equal('code' in storedError(Object.assign(new Error('x'), { code: {} })), false)
  })

  test('is bounded, however long its parts are', () => {
    const error = Object.assign(new Error('m'.repeat(1e6)), {
      name: 'n'.repeat(1e6),
      code: 'c'.repeat(1e6),
      stack: 's'.repeat(1e6),
    })
    const stored = storedError(error)
    assert.deepEqual(
      [stored.name.length, stored.message.length, stored.code?.length, stored.stack?.length],
      [100, 4_096, 100, 8_192],
    )
    assert.equal(stored.message.endsWith('m…'), true)
  })

  test('keeps no field of its own', () => {
    const error = Object.assign(new Error('x'), { password: 'secret' })
    assert.deepEqual(Object.keys(storedError(error)).sort(), ['message', 'name', 'stack'])
  })

  test('keeps what led to it, one level deep', () => {
    const error = new Error('x', { cause: new TypeError('why', { cause: new Error('deeper') }) })
    const { cause } = storedError(error)
    assert.deepEqual({ name: cause?.name, message: cause?.message }, { name: 'TypeError', message: 'why' })
    assert.ok(!('cause' in cause!))
  })

  for (const [what, thrown, text] of [
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a string', 'oops', '"oops"'],
    ['a function', () => 1, 'a function'],
  ] as const) {
    test(`says what was thrown when it is ${what}`, () => {
      assert.deepEqual(storedError(thrown), { name: 'Thrown', message: text })
    })
  }

  test('is made of anything without throwing', () => {
    const hostile = new Error('x')
    for (const key of ['name', 'message', 'code', 'stack']) {
      Object.defineProperty(hostile, key, {
        get() {
          throw new Error('do not look')
        },
      })
    }
    const trap = new Proxy(
      {},
      {
        get() {
          throw new Error('do not look')
        },
        getPrototypeOf() {
          throw new Error('do not look')
        },
      },
    )
    for (const thrown of [hostile, trap, Object.create(null)]) assert.equal(storedError(thrown).name, 'Thrown')
  })
})
