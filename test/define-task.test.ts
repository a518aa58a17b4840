import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type } from 'arktype'
import { z } from 'zod'
import { defineTask, TASK_OPTIONS } from '../src/define-task.ts'
import type { AfterwordError } from '../src/model/errors.ts'

const define = (options: unknown) => defineTask(options as { name: string; run: () => void })

describe('a definition', () => {
  test('has its defaults', () => {
    const run = () => {}
    assert.deepEqual(
      { ...defineTask({ name: 'send-welcome', run }) },
      {
        name: 'send-welcome',
        schema: undefined,
        version: 1,
        upgrade: undefined,
        queue: 'default',
        priority: 0,
        retry: undefined,
        timeoutMs: undefined,
        on: 'success',
        isolation: undefined,
        sessions: undefined,
        run,
      },
    )
  })

  test('has what it was given', () => {
    const input = z.object({ id: z.string() })
    const run = ({ id }: { id: string }) => id
    const retry = { attempts: 9, base: '1s', cap: '5s' } as const
    const upgrade = { 2: (old: number) => ({ id: String(old) }) }
    const definition = defineTask({
      name: 'a',
      input,
      version: 3,
      upgrade,
      run,
      queue: 'mail',
      priority: -5,
      retry,
      timeout: '2m',
      on: 'always',
    })
    assert.deepEqual(
      { ...definition },
      {
        name: 'a',
        schema: input,
        version: 3,
        upgrade: Object.assign(Object.create(null), upgrade),
        queue: 'mail',
        priority: -5,
        retry: { attempts: 9, baseMs: 1000, capMs: 5000 },
        timeoutMs: 120_000,
        on: 'always',
        isolation: undefined,
        sessions: undefined,
        run,
      },
    )
  })

  test('that is isolated has the module that defines it, or the one that it was given', () => {
    const run = () => {}
    const here = { kind: 'thread', url: import.meta.url, isGiven: false, memoryMb: undefined, isOnBlock: false }
    assert.deepEqual(defineTask({ name: 'a', thread: true, run }).isolation, here)
    assert.deepEqual(defineTask({ name: 'a', isolate: 'process', run }).isolation, { ...here, kind: 'process' })
    assert.deepEqual(defineTask({ name: 'a', thread: true, memoryMb: 64, run }).isolation, { ...here, memoryMb: 64 })
    const module = new URL('./elsewhere.js', import.meta.url)
    const there = { ...here, url: module.href, isGiven: true }
    assert.deepEqual(defineTask({ name: 'a', thread: true, module, run }).isolation, there)
    assert.deepEqual(defineTask({ name: 'a', thread: true, module: module.href, run }).isolation, there)
    assert.equal(defineTask({ name: 'a', thread: false, run }).isolation, undefined)
    assert.deepEqual(defineTask({ name: 'a', onBlock: 'thread', run }).isolation, { ...here, isOnBlock: true })
    assert.equal(defineTask({ name: 'a', onBlock: 'report', run }).isolation, undefined)
  })

  test('is frozen, with all that is in it of ours', () => {
    const upgrade = { 1: () => undefined }
    const definition = defineTask({ name: 'a', version: 2, upgrade, retry: { attempts: 2 }, run: () => {} })
    assert.ok([definition, definition.retry, definition.upgrade].every((value) => Object.isFrozen(value)))
  })

  test('takes a schema that is a function', () => {
    const input = type({ id: 'string' })
    assert.equal(typeof input, 'function')
    assert.equal(defineTask({ name: 'a', input, run: () => {} }).schema, input)
  })

  test('takes a name of letters, digits and a few signs', () => {
    for (const name of ['a', 'mail/send_welcome.v2:eu-1', '0'.repeat(100)]) {
      assert.equal(defineTask({ name, run: () => {} }).name, name)
    }
  })
})

describe('a definition is refused', () => {
  test('when its name is none', () => {
    const bad: readonly (readonly [unknown, string])[] = [
      [undefined, 'undefined'],
      ['', '""'],
      ['send welcome', '"send welcome"'],
      ['größe', '"größe"'],
      ['a\n', '"a\\n"'],
      ['x'.repeat(101), `"${'x'.repeat(60)}"… (101 characters)`],
      [5, '5'],
    ]
    for (const [name, got] of bad) {
      assert.throws(() => define({ name, run: () => {} }), { code: 'TASK_NAME_INVALID', details: { got } })
    }
    assert.throws(() => define(undefined), { code: 'TASK_NAME_INVALID' })
    assert.throws(() => define(null), { code: 'TASK_NAME_INVALID' })
  })

  test('when an option is unknown, with what was meant', () => {
    const details = { where: 'defineTask("a")', option: 'timout', meant: 'timeout' }
    assert.throws(() => define({ name: 'a', run: () => {}, timout: 5 }), { code: 'OPTION_UNKNOWN', details })
  })

  test('when an option is wrong', () => {
    const bad: readonly (readonly [object, string])[] = [
      [{ run: undefined }, 'option "run" must be a function, got nothing.'],
      [{ run: 'x' }, 'option "run" must be a function, got "x".'],
      [
        { input: { parse: () => 1 } },
        'option "input" must be a Standard Schema, such as one of zod, valibot or arktype, got an object.',
      ],
      [{ input: null }, 'option "input" must be a Standard Schema, such as one of zod, valibot or arktype, got null.'],
      [{ queue: 'a b' }, 'option "queue" must be 1 to 100 letters, digits or "-_.:/", got "a b".'],
      [{ version: 0 }, 'option "version" must be an integer from 1 to 100, got 0.'],
      [{ version: '2' }, 'option "version" must be an integer from 1 to 100, got "2".'],
      [
        { version: 2, upgrade: [] },
        'option "upgrade" must be an object in which each value is a function, got an empty array.',
      ],
      [{ version: 2, upgrade: { 1: 'x' } }, 'option "upgrade.1" must be a function, got "x".'],
      [{ priority: 1.5 }, 'option "priority" must be an integer from -1000 to 1000, got 1.5.'],
      [{ on: 'never' }, 'option "on" must be "success", "error" or "always", got "never".'],
      [{ timeout: 0 }, 'option "timeout" must be a duration from 1 ms, got 0.'],
      [{ thread: 1 }, 'option "thread" must be true or false, got 1.'],
      [{ thread: true, memoryMb: 7 }, 'option "memoryMb" must be an integer from 8 to 1000000, got 7.'],
      [{ isolate: true }, 'option "isolate" must be "process", got true.'],
      [
        { thread: true, module: './resize.js' },
        'option "module" must be the URL of a module, such as new URL(\'./resize.task.js\', import.meta.url), got "./resize.js".',
      ],
      [{ retry: { attempts: 0 } }, 'option "retry": option "attempts" must be an integer from 1 to 1000, got 0.'],
    ]
    for (const [options, text] of bad) {
      assert.throws(
        () => define({ name: 'a', run: () => {}, ...options }),
        (error: Error) =>
          error.message.split('\n')[0] === `[OPTION_INVALID] defineTask("a"): ${text}` || assert.fail(error.message),
      )
    }
    assert.throws(() => define({ name: 'a', run: () => {}, timeout: 'soon' }), { code: 'DURATION_INVALID' })
    for (const conflict of [{ module: 'file:///a.js' }, { memoryMb: 64 }, { thread: true, isolate: 'process' }]) {
      assert.throws(() => define({ name: 'a', run: () => {}, ...conflict }), { code: 'OPTIONS_CONFLICT' })
    }
    assert.throws(() => define({ name: 'a', run: () => {}, retry: { base: '2h', cap: '1h' } }), {
      code: 'OPTIONS_CONFLICT',
    })
  })
})

describe('an upgrade is refused', () => {
  const old = (): undefined => undefined
  test('from a version that is not below the version, or is none', () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ upgrade: { 1: old } }, 'upgrade from 1'],
      [{ version: 2, upgrade: { 1: old, 2: old, 3: old } }, 'upgrade from 2, 3'],
      [{ version: 2, upgrade: { from: old } }, 'upgrade from from'],
      [{ version: 3, upgrade: { '01': old, 0: old, 1.5: old } }, 'upgrade from 0, 01, 1.5'],
    ]
    for (const [options, got] of wrong) {
      assert.throws(
        () => define({ name: 'a', run: old, ...options }),
        (error: AfterwordError<'OPTIONS_CONFLICT'>) => {
          assert.deepEqual([error.code, error.details.got], ['OPTIONS_CONFLICT', got])
          return true
        },
      )
    }
  })
})

test('every option of a definition has its row in the docs', () => {
  const names = TASK_OPTIONS.rows.map((row) => row.name).filter((name) => !name.includes('.'))
  assert.deepEqual(names, [
    'name',
    'input',
    'version',
    'upgrade',
    'queue',
    'priority',
    'retry',
    'timeout',
    'on',
    'thread',
    'isolate',
    'onBlock',
    'memoryMb',
    'module',
    'sessions',
    'run',
  ])
})
