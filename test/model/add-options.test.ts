import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AddOptions } from '../../src/model/add-options.ts'
import { parseAddOptions } from '../../src/model/add-options.ts'

const parse = (options?: unknown) => parseAddOptions(options as AddOptions | undefined, 'send-welcome')

const NOTHING = {
  delayMs: undefined,
  runAt: undefined,
  priority: undefined,
  queue: undefined,
  on: undefined,
  id: undefined,
  parallel: false,
  durability: undefined,
}

describe('the options of add', () => {
  test('no options are the same object each time', () => {
    assert.deepEqual({ ...parse() }, NOTHING)
    assert.equal(parse(), parse())
  })

  test('every option changes what is read', () => {
    const given = {
      delay: '5s',
      priority: -3,
      queue: 'mail',
      on: 'always',
      id: 'a:1',
      parallel: true,
      durability: 'process',
    }
    const { delay: _, ...rest } = given
    assert.deepEqual({ ...parse(given) }, { ...NOTHING, ...rest, delayMs: 5000 })
    assert.equal(parse({ runAt: new Date(1234) }).runAt, 1234)
    assert.equal(parse({ runAt: 1234.6 }).runAt, 1235)
  })

  test('undefined is not given', () => assert.deepEqual({ ...parse({ delay: undefined, id: undefined }) }, NOTHING))

  test('an unknown option is refused by name', () => {
    assert.throws(() => parse({ dealy: 1 }), {
      code: 'OPTION_UNKNOWN',
      details: { where: 'add("send-welcome")', option: 'dealy', meant: 'delay' },
    })
  })

  test('delay and runAt exclude each other', () => {
    assert.throws(() => parse({ delay: 0, runAt: 5 }), { code: 'OPTIONS_CONFLICT' })
  })

  test('values out of range are refused', () => {
    const bad = [
      { priority: 1001 },
      { priority: 0.5 },
      { queue: '' },
      { queue: 'a b' },
      { queue: 'q'.repeat(101) },
      { on: 'sometimes' },
      { parallel: 1 },
      { durability: 'ram' },
      { runAt: new Date(NaN) },
      { runAt: NaN },
      { runAt: 9e15 },
      { runAt: '2030-01-01' },
    ]
    for (const options of bad) assert.throws(() => parse(options), { code: 'OPTION_INVALID' }, JSON.stringify(options))
    assert.throws(() => parse({ delay: -1 }), { code: 'DURATION_INVALID' })
    assert.throws(() => parse(null), { code: 'OPTIONS_INVALID' })
    assert.throws(() => parse('5s'), { code: 'OPTIONS_INVALID' })
  })

  test('an id that some store would change is refused', () => {
    for (const id of ['', 'x'.repeat(201), 'a\0b', '\ud800', 5, null]) {
      assert.throws(() => parse({ id }), { code: 'TASK_ID_INVALID' }, String(id))
    }
    for (const id of ['x'.repeat(200), 'order:😀', ' ', '0']) assert.equal(parse({ id }).id, id)
  })
})
