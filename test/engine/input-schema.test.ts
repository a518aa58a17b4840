/** With each of the three schema libraries: `add` checks the input at once, `run` gets what the schema makes of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import { defineTask } from '../../src/define-task.ts'
import { encodeValue } from '../../src/engine/codec.ts'
import { parseStoredInput, validateInput } from '../../src/engine/input-schema.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { StoredValue } from '../../src/model/task.ts'

const store = (input: unknown) => encodeValue(input, { what: 'input', name: 'visit', bytesMax: 10_000 })

const parseStored = (definition: AnyTaskDefinition, input: StoredValue) =>
  parseStoredInput(definition, { input, version: 1 })

const taskWith = (input: StandardSchemaV1): AnyTaskDefinition => defineTask({ name: 'visit', input, run: () => {} })

/** Each takes `{ at: string, guests?: { age: number }[] }` and makes a Date and a list of it. */
const SCHEMAS: Readonly<Record<string, StandardSchemaV1>> = {
  zod: z.object({
    at: z.iso.date().transform((text) => new Date(text)),
    guests: z.array(z.object({ age: z.number().int().min(0) })).default([]),
  }),
  valibot: v.object({
    at: v.pipe(
      v.string(),
      v.isoDate(),
      v.transform((text) => new Date(text)),
    ),
    guests: v.optional(v.array(v.object({ age: v.pipe(v.number(), v.integer(), v.minValue(0)) })), []),
  }),
  arktype: type({
    at: 'string.date.parse',
    guests: type({ age: 'number.integer >= 0' })
      .array()
      .default(() => []),
  }),
}

function issuesOf(act: () => unknown, code: 'TASK_INPUT_INVALID' | 'TASK_INPUT_OUTDATED'): string {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof AfterwordError)
    assert.equal(error.code, code)
    const { name, issues } = error.details as { name: string; issues: string }
    assert.equal(name, 'visit')
    return issues
  }
  throw new assert.AssertionError({ message: 'it was accepted' })
}

for (const [library, schema] of Object.entries(SCHEMAS)) {
  describe(`a schema of ${library}`, () => {
    const visit = taskWith(schema)

    test('gives run its output, also from a stored input', () => {
      const parsed = { at: new Date('2030-01-02'), guests: [] }
      assert.deepEqual(validateInput(visit, { at: '2030-01-02' }), parsed)
      assert.deepEqual(parseStored(visit, store({ at: '2030-01-02' })), parsed)
    })

    test('leaves the input as it was, for the store', () => {
      const input = { at: '2030-01-02' }
      validateInput(visit, input)
      assert.deepEqual(input, { at: '2030-01-02' })
    })

    test('refuses a wrong input with every issue at its path', () => {
      const issues = issuesOf(
        () => validateInput(visit, { at: 'soon', guests: [{ age: 1 }, { age: -1 }] }),
        'TASK_INPUT_INVALID',
      )
      const places = issues.split('; ').map((issue) => issue.slice(0, issue.indexOf(': ')))
      assert.deepEqual(places.sort(), ['input.at', 'input.guests[1].age'])
    })

    test('refuses a whole input of the wrong type', () => {
      assert.match(
        issuesOf(() => validateInput(visit, undefined), 'TASK_INPUT_INVALID'),
        /^input: /,
      )
    })

    test('finds a stored input outdated that it would refuse today', () => {
      assert.match(
        issuesOf(() => parseStored(visit, store({ when: '2030-01-02' })), 'TASK_INPUT_OUTDATED'),
        /^input\.at: /,
      )
    })
  })
}

describe('a schema that does not answer at once', () => {
  const refuses = () => Promise.reject(new Error('no'))
  const schemas: Readonly<Record<string, StandardSchemaV1>> = {
    zod: z.string().refine(() => Promise.resolve(false)),
    'zod, with a refinement that throws': z.string().refine(() => fail(new Error('no'))),
    valibot: v.pipeAsync(v.string(), v.checkAsync(refuses)),
    'a schema that never answers': fakeSchema(() => new Promise(() => {})),
    // oxlint-disable-next-line unicorn/no-thenable -- it is what the test is about.
    'a schema with a thenable of its own': fakeSchema(() => ({ then: reject })),
  }
  for (const [library, schema] of Object.entries(schemas)) {
    test(`is refused, and its rejection ends nothing (${library})`, async () => {
      const visit = taskWith(schema)
      assert.throws(() => validateInput(visit, 'x'), { code: 'TASK_SCHEMA_ASYNC', details: { name: 'visit' } })
      assert.equal(
        issuesOf(() => parseStored(visit, store('x')), 'TASK_INPUT_OUTDATED'),
        'the schema does not answer at once',
      )
      // An unhandled rejection would be reported before the next turn, and fail this test.
      await new Promise((resolve) => void setImmediate(resolve))
    })
  }
})

describe('any other schema', () => {
  test('none at all passes the input through', () => {
    const visit = defineTask({ name: 'visit', run: (_: { at: Date }) => {} })
    const input = { at: new Date(5) }
    assert.equal(validateInput(visit, input), input)
    assert.deepEqual(parseStored(visit, store(input)), input)
  })

  test('one that throws throws its own error', () => {
    const error = new Error('broken')
    const visit = taskWith(fakeSchema(() => fail(error)))
    assert.throws(() => validateInput(visit, 1), error)
    assert.throws(() => parseStored(visit, store(1)), error)
  })

  test('one with issues without a path, or with segments, has them written out', () => {
    const issues = [{ message: 'bad' }, { message: 'worse', path: [{ key: 'a b' }, { key: 0 }, Symbol('s')] }]
    const visit = taskWith(fakeSchema(() => ({ issues })))
    assert.equal(
      issuesOf(() => validateInput(visit, 1), 'TASK_INPUT_INVALID'),
      'input: bad; input["a b"][0][Symbol(s)]: worse',
    )
  })

  test('a damaged stored value is told from an outdated one', () => {
    const visit = taskWith(z.string())
    assert.throws(() => parseStored(visit, { format: 0, text: '{' }), { code: 'STORED_VALUE_UNREADABLE' })
  })
})

function fail(error: Error): never {
  throw error
}

function reject(_: unknown, refuse: (error: Error) => void): void {
  refuse(new Error('no'))
}

function fakeSchema(validate: (value: unknown) => unknown): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as StandardSchemaV1.Props['validate'] } }
}
