/** What becomes of stored inputs of older versions: brought to today's, one version after another, or refused with a code. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { defineTask } from '../../src/define-task.ts'
import { encodeValue } from '../../src/engine/codec.ts'
import { parseStoredInput } from '../../src/engine/input-schema.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'

function read(definition: AnyTaskDefinition, version: number, input: unknown): unknown {
  const stored = encodeValue(input, { what: 'input', name: 'greet', bytesMax: 10_000 })
  return parseStoredInput(definition, { input: stored, version })
}

const greet = defineTask({
  name: 'greet',
  version: 3,
  input: z.object({ first: z.string(), last: z.string().default('?') }),
  upgrade: {
    1: (name: string) => ({ name }),
    2: ({ name }: { name: string }) => ({ first: name.split(' ')[0]!, last: name.split(' ')[1] }),
  },
  run: () => {},
})

describe('a stored input', () => {
  test('of an older version goes through each upgrade from there on, then through the schema', () => {
    assert.deepEqual(read(greet, 1, 'Ada Lovelace'), { first: 'Ada', last: 'Lovelace' })
    assert.deepEqual(read(greet, 2, { name: 'Ada' }), { first: 'Ada', last: '?' })
  })

  test('of the version of the definition goes through none', () => {
    assert.deepEqual(read(greet, 3, { first: 'Ada' }), { first: 'Ada', last: '?' })
  })

  test('for which there is no upgrade is taken as it is, when the schema takes it', () => {
    const input = z.object({ first: z.string() })
    const gap = defineTask({
      name: 'greet',
      version: 3,
      input,
      upgrade: { 1: (first: string) => ({ first }) },
      run() {},
    })
    assert.deepEqual(read(gap, 1, 'Ada'), { first: 'Ada' })
    assert.deepEqual(read(gap, 2, { first: 'Ada' }), { first: 'Ada' })
    assert.throws(() => read(gap, 2, 'Ada'), {
      code: 'TASK_INPUT_OUTDATED',
      message: /"greet" is of version 2, and the definition, of version 3, does not take it: input: /,
    })
  })

  test('that an upgrade made wrong is refused by the schema', () => {
    const wrong = defineTask({ ...greetOf(z.string()), version: 2, upgrade: { 1: () => 5 as never } })
    assert.throws(() => read(wrong, 1, 'Ada'), { code: 'TASK_INPUT_OUTDATED' })
  })

  test('without a schema needs an upgrade for each version', () => {
    const run = (_: { first: string }) => {}
    const plain = defineTask({ name: 'greet', version: 3, upgrade: { 2: (first: string) => ({ first }) }, run })
    assert.deepEqual(read(plain, 2, 'Ada'), { first: 'Ada' })
    assert.throws(() => read(plain, 1, 'Ada'), {
      code: 'TASK_INPUT_OUTDATED',
      details: {
        name: 'greet',
        version: 1,
        known: 3,
        issues: 'it has no function upgrade 1, and no schema that could judge',
      },
    })
  })

  test('whose upgrade throws is refused with what it threw', () => {
    const cause = new Error('no name')
    const throws = defineTask({
      ...greetOf(z.string()),
      version: 3,
      upgrade: {
        2: () => {
          throw cause
        },
      },
    })
    assert.throws(() => read(throws, 1, 'Ada'), {
      code: 'TASK_UPGRADE_FAILED',
      details: { name: 'greet', from: 2, known: 3, reason: 'no name' },
      cause,
    })
  })

  test('whose upgrade does not answer at once is refused, and its rejection ends nothing', async () => {
    const late = defineTask({
      ...greetOf(z.any()),
      version: 2,
      upgrade: { 1: () => Promise.reject(new Error('late')) },
    })
    assert.throws(() => read(late, 1, 'Ada'), { code: 'TASK_UPGRADE_FAILED', message: /it returned a promise/ })
    // An unhandled rejection would be reported before the next turn, and fail this test.
    await new Promise((resolve) => void setImmediate(resolve))
  })
})

function greetOf<T extends z.ZodType>(input: T) {
  return { name: 'greet', input, run: () => {} } as const
}
