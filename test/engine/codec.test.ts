/** Values go through the store unchanged, or are refused where they are added, by path. */
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { decodeValue, encodeValue } from '../../src/engine/codec.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { StoredValue, ValueFormat } from '../../src/model/task.ts'

const encode = (value: unknown, bytesMax = 1_000_000): StoredValue =>
  encodeValue(value, { what: 'input', name: 'send', bytesMax })

const roundTrip = (value: unknown): unknown => decodeValue(encode(value))

function assertRefused(value: unknown, path: string, got: string): AfterwordError {
  try {
    encode(value)
  } catch (error) {
    assert.ok(error instanceof AfterwordError)
    assert.deepEqual([error.code, error.details], ['TASK_INPUT_NOT_STORABLE', { name: 'send', path, got }])
    return error
  }
  throw new assert.AssertionError({ message: `${path} was stored` })
}

class Account {
  readonly id = 1
}

describe('plain JSON', () => {
  /** Through JSON once, because fast-check also makes -0; and without the one key that is refused. */
  const plain = fc
    .jsonValue({ maxDepth: 6, stringUnit: 'binary' })
    .map((value): unknown => JSON.parse(JSON.stringify(value)))
    .filter((value) => !JSON.stringify(value).includes('"__proto__":'))

  test('holds what JSON can hold, in the very text that JSON.stringify gives', () => {
    fc.assert(
      fc.property(plain, (value) => {
        assert.deepEqual(encode(value), { format: 0, text: JSON.stringify(value) })
        assert.deepEqual(roundTrip(value), value)
      }),
      { numRuns: 500 },
    )
  })

  test('is never refused for its size when it fits exactly, and always when it is a byte too long', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const stored = encode(value)
        const bytes = Buffer.byteLength(stored.text)
        assert.equal(encode(value, bytes).text, stored.text)
        assert.throws(() => encode(value, bytes - 1), { code: 'TASK_INPUT_TOO_LARGE' })
      }),
      { numRuns: 500 },
    )
  })

  test('holds an object without a prototype as an ordinary one', () => {
    assert.deepEqual(encode(Object.assign(Object.create(null), { a: 1 })), { format: 0, text: '{"a":1}' })
  })

  test('holds ordinary objects and arrays of another realm', () => {
    assert.deepEqual(encode(runInNewContext('({ a: [1, { b: "x" }] })')), { format: 0, text: '{"a":[1,{"b":"x"}]}' })
  })

  test('keeps the order of keys', () => assert.equal(encode({ b: 1, a: 2, 1: 3 }).text, '{"1":3,"b":1,"a":2}'))

  test('is what it was at the time of the call', () => {
    const input = { tags: ['a'] }
    const stored = encode(input)
    input.tags.push('b')
    assert.deepEqual(decodeValue(stored), { tags: ['a'] })
  })
})

describe('what JSON would lose', () => {
  const bytes = new Uint8Array([0, 1, 255])
  const table: readonly (readonly [string, unknown])[] = [
    ['undefined', undefined],
    ['a property that is undefined', { a: undefined }],
    ['undefined in an array', [undefined]],
    ['NaN', NaN],
    ['Infinity', [Infinity, -Infinity]],
    ['-0', { a: -0 }],
    ['a bigint', { n: 2n ** 80n, m: -1n }],
    ['a Date', { at: new Date(1234) }],
    ['an invalid Date', new Date(NaN)],
    ['a Date of another realm', { at: runInNewContext('new Date(5)') }],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', new Map([[{ k: 1 }, 2]])],
        [NaN, undefined],
      ]),
    ],
    ['a Set', new Set([1, 'a', null, { b: new Set() }])],
    ['a URL', new URL('https://example.org/a?b#c')],
    ['a URLSearchParams', new URLSearchParams('a=1&a=2&b=%20')],
    ['a regular expression', /a+\/[<"]\n/giu],
    ['a Buffer', { body: Buffer.from('größe') }],
    ['an empty Buffer', Buffer.alloc(0)],
    ['an ArrayBuffer', bytes.buffer],
    ['a DataView', new DataView(new Uint8Array([1, 2, 3, 4]).buffer)],
    [
      'typed arrays',
      [bytes, new Float64Array([1.5, NaN, -0]), new BigInt64Array([-1n]), new Uint16Array(0), new Int8Array([-1])],
    ],
    ['a Float16Array', new (globalThis as unknown as { Float16Array: Float32ArrayConstructor }).Float16Array([0.5])],
    ['a hole in an array', [1, , 3]], // oxlint-disable-line no-sparse-arrays
    ['an array of holes', Object.assign([], { length: 50 })],
  ]
  for (const [what, value] of table) {
    test(`${what} survives the round trip`, () => {
      const stored = encode(value)
      assert.equal(stored.format, 1)
      const read = decodeValue(stored)
      assert.deepEqual(read, what.endsWith('realm') ? { at: new Date(5) } : value)
    })
  }

  test('holes stay holes', () => assert.deepEqual(Object.keys(roundTrip([1, , 3]) as unknown[]), ['0', '2'])) // oxlint-disable-line no-sparse-arrays

  test('of a view only the bytes it shows are stored', () => {
    const whole = Buffer.from('secret-public-secret')
    const part = new Uint8Array(whole.buffer, whole.byteOffset + 7, 6)
    const read = roundTrip(part) as Uint8Array
    assert.equal(Buffer.from(read.buffer).toString(), 'public')
  })

  test('bytes of shared memory are copied', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2))
    assert.deepEqual(roundTrip(shared), new Uint8Array(2))
  })

  test('everything that is supported survives, however it is nested', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constantFrom(null, undefined, NaN, -0, '\ud800', '__proto__', '</script>\u2028'),
      fc.date({ noInvalidDate: false }),
      fc.uint8Array(),
      fc.float64Array({ noNaN: true }),
      fc.webUrl().map((url) => new URL(url)),
    )
    const key = fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__')
    const { value: values } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, leaf, tie('array'), tie('object'), tie('map'), tie('set')),
      array: fc.oneof(fc.array(tie('value')), fc.sparseArray(tie('value'), { maxLength: 20 })),
      object: fc.dictionary(key, tie('value'), { noNullPrototype: true }),
      map: fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)),
      set: fc.array(tie('value')).map((members) => new Set(members)),
    }))
    fc.assert(
      fc.property(values, (value) => assert.deepEqual(roundTrip(value), value)),
      { numRuns: 200 },
    )
  })

  test('the name of a member that every object has is an ordinary key', () => {
    const value = {
      constructor: 1,
      toString: { prototype: new Date(0) },
      hasOwnProperty: 2,
      valueOf: 3,
      toJSON: 'no function',
    }
    assert.deepEqual({ ...(roundTrip(value) as object) }, value)
    assert.deepEqual(roundTrip({ constructor: 1, toJSON: null }), { constructor: 1, toJSON: null })
  })
})

describe('what no store can hold is refused by its path', () => {
  const socket = new Socket()
  const table: readonly (readonly [unknown, string, string])[] = [
    [() => 1, 'input', 'a function'],
    [{ user: { socket } }, 'input.user.socket', 'an instance of Socket'],
    [{ list: [1, { 'on done': () => 1 }] }, 'input.list[1]["on done"]', 'a function'],
    [[Symbol('a')], 'input[0]', 'a symbol'],
    [{ a: { [Symbol('hidden')]: 1 } }, 'input.a', 'an object with a symbol as a key'],
    [{ account: new Account() }, 'input.account', 'an instance of Account'],
    [new Account(), 'input', 'an instance of Account'],
    [{ at: new (class Moment extends Date {})() }, 'input.at', 'an instance of Moment'],
    [{ at: new (class Bag extends Map {})() }, 'input.at', 'an instance of Bag'],
    [{ at: new (class List extends Array {})() }, 'input.at', 'an instance of List'],
    [{ at: new (class Bytes extends Uint8Array {})() }, 'input.at', 'an instance of Bytes'],
    [{ at: new (class extends URL {})('http://a') }, 'input.at', 'an instance of a class without a name'],
    [{ n: Object(1) as unknown }, 'input.n', 'a Number'],
    [{ p: Promise.resolve() }, 'input.p', 'a Promise'],
    [{ e: new TypeError('x') }, 'input.e', 'a TypeError'],
    [{ w: new WeakMap() }, 'input.w', 'a WeakMap'],
    [{ g: (function* () {})() }, 'input.g', 'an instance of a class without a name'],
    [{ s: new SharedArrayBuffer(1) }, 'input.s', 'a SharedArrayBuffer'],
    [Object.create({ inherited: 1 }), 'input', 'an object with a prototype of its own'],
    [Object.create(URL.prototype), 'input', 'an object that cannot be read'],
    [{ toJSON: () => 1 }, 'input.toJSON', 'a function'],
    [new Map([['a', { f: assert.ok }]]), 'input.get("a").f', 'a function'],
    [new Map([[{ deep: socket }, 1]]), 'input.keys()[0].deep', 'an instance of Socket'],
    [{ s: new Set([1, assert.ok]) }, 'input.s.values()[1]', 'a function'],
    [JSON.parse('{"a":{"__proto__":{"x":1}}}'), 'input.a', 'an object with "__proto__" as a key'],
  ]
  for (const [value, path, got] of table) test(`${path} is ${got}`, () => void assertRefused(value, path, got))

  test('a result names the result', () => {
    const options = { what: 'result', name: 'send', bytesMax: 10 } as const
    assert.throws(() => encodeValue({ a: assert.ok }, options), {
      code: 'RESULT_NOT_STORABLE',
      details: { name: 'send', path: 'result.a', got: 'a function' },
    })
    assert.throws(() => encodeValue('0123456789', options), {
      code: 'RESULT_TOO_LARGE',
      details: { name: 'send', bytes: 12, bytesMax: 10 },
    })
  })

  test('a cycle names both of its ends', () => {
    const user: Record<string, unknown> = { name: 'ada' }
    user['friends'] = [{ of: user }]
    assertRefused({ user }, 'input.user.friends[0].of', 'a cycle back to input.user')
    const map = new Map<string, unknown>()
    map.set('self', map)
    assertRefused(map, 'input.get("self")', 'a cycle back to input')
  })

  test('a getter that throws is named, and its error is the cause', () => {
    const error = new Error('closed')
    const value = {
      ok: 1,
      get name(): string {
        throw error
      },
    }
    assert.equal(assertRefused({ user: value }, 'input.user.name', 'a getter that throws').cause, error)
  })

  test('a proxy that throws at every question is refused', () => {
    const fail = () => assert.fail('asked')
    const proxy = new Proxy({}, { ownKeys: fail, get: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail })
    assertRefused([proxy], 'input[0]', 'an object that cannot be read')
  })

  test('what is nested too deeply is refused, and what is just not is stored', () => {
    const nested = (levels: number): unknown => Array.from({ length: levels }).reduce((inner) => [inner], 1)
    assert.deepEqual(roundTrip(nested(500)), nested(500))
    assert.deepEqual(roundTrip([nested(499), undefined]), [nested(499), undefined])
    assert.throws(
      () => encode(nested(501)),
      (error: AfterwordError) => {
        assert.equal(error.code, 'TASK_INPUT_NOT_STORABLE')
        assert.match(error.message, /is nested deeper than 500 levels/)
        return true
      },
    )
    assert.throws(() => encode(nested(5000)), { code: 'TASK_INPUT_NOT_STORABLE' })
  })
})

describe('what is checked is what is stored', () => {
  test('a getter is read once', () => {
    let reads = 0
    const value = {
      get at() {
        return ++reads === 1 ? 'first' : assert.ok
      },
    }
    assert.deepEqual(roundTrip({ value, plain: new Date(0) }), { value: { at: 'first' }, plain: new Date(0) })
    assert.equal(reads, 1)
  })

  test('a proxy is read once', () => {
    const seen: string[] = []
    const proxy = new Proxy(
      { a: 1, b: [1] },
      { get: (target, key) => (seen.push(String(key)), Reflect.get(target, key)) },
    )
    assert.deepEqual(roundTrip(proxy), { a: 1, b: [1] })
    assert.deepEqual(seen, ['a', 'b'])
    assert.deepEqual(roundTrip([new Proxy([1, 2], {})]), [[1, 2]])
  })

  test('properties that are not enumerable do not count, be it a toJSON or a symbol', () => {
    const value = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' })
    assert.deepEqual(encode(value), { format: 0, text: '{"a":1}' })
    const tagged = Object.defineProperty({ a: 1 }, Symbol('tag'), { value: 1 })
    assert.deepEqual(encode(tagged), { format: 0, text: '{"a":1}' })
  })

  test('a toJSON on a built-in prototype changes nothing', (t) => {
    const prototype = Object.prototype as { toJSON?: unknown }
    Object.defineProperty(prototype, 'toJSON', { value: () => 'other', configurable: true })
    t.after(() => delete prototype.toJSON)
    assert.deepEqual(roundTrip({ a: [1] }), { a: [1] })
  })

  test('enumerable properties on Object.prototype are not stored', (t) => {
    const prototype = Object.prototype as { polluted?: unknown }
    prototype.polluted = assert.ok
    t.after(() => delete prototype.polluted)
    assert.equal(encode({ a: { b: 1 } }).text, '{"a":{"b":1}}')
  })

  test('an array that lies about its iterator stores no more than it shows', () => {
    const value = [1, 2]
    Object.defineProperty(value, Symbol.iterator, { value: () => [7, 8][Symbol.iterator]() })
    assert.deepEqual(roundTrip(value), [7, 8])
  })

  test('an object that occurs twice is stored twice', () => {
    const address = { city: 'Bern' }
    const read = roundTrip({ from: address, to: address }) as { from: object; to: object }
    assert.deepEqual(read, { from: address, to: address })
    assert.notEqual(read.from, read.to)
    const at = { day: new Date(0) }
    assert.deepEqual(roundTrip([at, at]), [at, at])
  })
})

describe('the size', () => {
  const tooLarge = (value: unknown, bytesMax: number, bytesAtLeast: number) =>
    assert.throws(
      () => encode(value, bytesMax),
      (error: AfterwordError<'TASK_INPUT_TOO_LARGE'>) => {
        assert.deepEqual(
          [error.code, error.details.name, error.details.bytesMax],
          ['TASK_INPUT_TOO_LARGE', 'send', bytesMax],
        )
        assert.ok(error.details.bytes >= bytesAtLeast, `${error.details.bytes} bytes`)
        return true
      },
    )

  test('is counted in bytes of UTF-8', () => {
    assert.equal(encode('ä'.repeat(10), 22).format, 0)
    tooLarge('ä'.repeat(10), 21, 22)
    assert.equal(encode('😀'.repeat(10), 42).format, 0)
    tooLarge('😀'.repeat(10), 41, 42)
  })

  test('is limited for what JSON would lose, too', () => {
    tooLarge([new Date(0)], 10, 11)
    tooLarge(new Uint8Array(1000), 1000, 1001)
    tooLarge(new Map([['a', 'x'.repeat(100)]]), 100, 101)
  })

  test('of a value that unfolds without end is noticed early', () => {
    let value: unknown = 1
    for (let level = 0; level < 60; level++) value = { a: value, b: value }
    tooLarge(value, 100_000, 100_001)
    let dated: unknown = new Date(0)
    for (let level = 0; level < 60; level++) dated = [dated, dated]
    tooLarge(dated, 100_000, 100_001)
  })

  test('of a huge sparse array is noticed early', () => {
    const sparse: unknown[] = []
    sparse[4_000_000_000] = 1
    tooLarge(sparse, 1_000_000, 1_000_001)
  })
})

describe('hostile text in the store', () => {
  const unreadable = (format: number, text: string) =>
    assert.throws(() => decodeValue({ format: format as ValueFormat, text }), { code: 'STORED_VALUE_UNREADABLE' })

  test('with __proto__ as a key is refused, however it is spelled', () => {
    for (const key of [
      '__proto__',
      '\\u005f_proto__',
      '__\\u0070roto__',
      '__prot\\u006F__',
      '\\u005F\\u005f\\u0070\\u0072oto\\u005F_',
    ]) {
      unreadable(0, `{"${key}":{"polluted":1}}`)
      unreadable(0, `[{"a":{"${key}":1}}]`)
      unreadable(1, `[{"${key}":1},{"polluted":2},1]`)
      unreadable(1, `[["null","${key}",1],{"polluted":2},1]`)
    }
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('a harmless string that mentions __proto__ is read', () => {
    assert.deepEqual(roundTrip({ note: 'avoid __proto__ \u0000 as a key' }), {
      note: 'avoid __proto__ \u0000 as a key',
    })
    assert.deepEqual(decodeValue({ format: 0, text: '{"\\u0061":"\\u005f"}' }), { a: '_' })
  })

  test('that reaches for constructors gives plain data', () => {
    const read = decodeValue({ format: 0, text: '{"constructor":{"prototype":{"polluted":1}}}' })
    assert.deepEqual(Object.keys(read as object), ['constructor'])
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('that is damaged, or of a format to come, is refused with a code', () => {
    for (const text of ['', '{', 'undefined', '{"a":1}x']) unreadable(0, text)
    for (const text of [
      '',
      '[',
      '[]',
      '-2',
      '7',
      '{}',
      '[["Nonsense",1]]',
      '[["Date"',
      '[["RegExp","("]]',
      '[["URL","no"]]',
      '[["Buffer",1],"x"]',
      '[["Uint8Array",0]]',
    ]) {
      unreadable(1, text)
    }
    unreadable(2, '1')
  })

  test('gives data or a coded refusal, whatever it is', () => {
    const piece = fc.oneof(
      fc.integer({ min: -8, max: 6 }),
      fc.constantFrom(
        'Date',
        'Map',
        'Set',
        'Object',
        'null',
        'BigInt',
        'RegExp',
        'URL',
        'Uint8Array',
        'ArrayBuffer',
        'Buffer',
        'Function',
        '__proto__',
        'constructor',
        'AAAA',
      ),
    )
    const row = fc.oneof(
      piece,
      fc.array(piece, { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('a', 'constructor', 'then', 'toString'), piece),
    )
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
        try {
          assert.notEqual(typeof decodeValue({ format: 1, text: JSON.stringify(rows) }), 'function')
        } catch (error) {
          assert.ok(error instanceof AfterwordError && error.code === 'STORED_VALUE_UNREADABLE', String(error))
        }
        assert.deepEqual(Object.keys(Object.prototype), [])
      }),
      { numRuns: 2000 },
    )
  })
})
