/** What `add` refuses: each at once, with a code, and without keeping anything. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import type { Background } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import type { AddOptions } from '../../src/model/add-options.ts'
import type { AfterwordError, ErrorCode } from '../../src/model/errors.ts'
import { bench, databaseFile, timedBench } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'

const echo = defineTask({ name: 'echo', run: (value: unknown) => value })
const greet = defineTask({ name: 'greet', input: z.object({ name: z.string() }), run: ({ name }) => name })
const slow = defineTask({
  name: 'slow',
  input: z.string().refine(async () => Promise.resolve(true)),
  run: (text) => text,
})

class Reader {
  readonly open = true
}

/** Asserts that an add throws in the face of its caller, and that nothing of it is left. */
async function assertRefused(background: Background, add: () => unknown, code: ErrorCode): Promise<void> {
  assert.throws(add, { name: 'AfterwordError', code })
  assert.equal((await background.counts()).size, 0)
}

describe('add refuses', () => {
  const cases: Record<string, [code: ErrorCode, input: unknown, options?: Record<string, unknown>]> = {
    'a function in its input': ['TASK_INPUT_NOT_STORABLE', { callback: () => 1 }],
    'a symbol in its input': ['TASK_INPUT_NOT_STORABLE', [Symbol('x')]],
    'an instance of a class in its input': ['TASK_INPUT_NOT_STORABLE', new Reader()],
    'an input past its limit': ['TASK_INPUT_TOO_LARGE', 'x'.repeat(2_000)],
    'an empty id': ['TASK_ID_INVALID', 'a', { id: '' }],
    'an id that is too long': ['TASK_ID_INVALID', 'a', { id: 'x'.repeat(201) }],
    'an id with NUL': ['TASK_ID_INVALID', 'a', { id: 'a\0b' }],
    'half of a surrogate pair in an id': ['TASK_ID_INVALID', 'a', { id: '\ud800' }],
    'a number as an id': ['TASK_ID_INVALID', 'a', { id: 7 }],
    'an option that it does not know': ['OPTION_UNKNOWN', 'a', { dealy: 1 }],
    'options that are no object': ['OPTIONS_INVALID', 'a', [] as never],
    'a delay that is none': ['DURATION_INVALID', 'a', { delay: 'soon' }],
    'a delay below zero': ['DURATION_INVALID', 'a', { delay: -1 }],
    'a runAt that is no date': ['OPTION_INVALID', 'a', { runAt: new Date(NaN) }],
    'delay and runAt together': ['OPTIONS_CONFLICT', 'a', { delay: 1, runAt: 1 }],
    'a priority that is no integer': ['OPTION_INVALID', 'a', { priority: 1.5 }],
    'a priority out of its range': ['OPTION_INVALID', 'a', { priority: 1001 }],
    'a queue with a blank in its name': ['OPTION_INVALID', 'a', { queue: 'my queue' }],
    'an answer that there is not': ['OPTION_INVALID', 'a', { on: 'sometimes' }],
    'a durability that there is not': ['OPTION_INVALID', 'a', { durability: 'eternal' }],
    'a parallel that is neither true nor false': ['OPTION_INVALID', 'a', { parallel: 1 }],
  }
  for (const [what, [code, input, options]] of Object.entries(cases)) {
    test(what, async (t) => {
      const { background } = bench(t, { tasks: [echo], inputBytesMax: 1_000 })
      const { tasks } = background.attach(undefined)
      await assertRefused(background, () => tasks.add(echo, input, options as AddOptions), code)
    })
  }

  test('an input that its schema does not take, and names every place', async (t) => {
    const { background } = bench(t, { tasks: [greet] })
    const { tasks } = background.attach(undefined)
    await assertRefused(background, () => tasks.add(greet, { name: 7 } as never), 'TASK_INPUT_INVALID')
    assert.throws(() => tasks.add(greet, {} as never), /input\.name/)
  })

  test('a schema that does not answer at once', async (t) => {
    const { background } = bench(t, { tasks: [slow] })
    const { tasks } = background.attach(undefined)
    await assertRefused(background, () => tasks.add(slow, 'a'), 'TASK_SCHEMA_ASYNC')
  })

  test('a definition that this background does not list', async (t) => {
    const { background } = bench(t, { tasks: [greet] })
    const { tasks } = background.attach(undefined)
    await assertRefused(background, () => tasks.add(echo, 'a'), 'TASK_NOT_REGISTERED')
  })

  test('another definition of a listed name', async (t) => {
    const twin = defineTask({ name: 'echo', run: () => undefined })
    const { background } = bench(t, { tasks: [echo] })
    const { tasks } = background.attach(undefined)
    await assertRefused(background, () => tasks.add(twin), 'TASK_NOT_REGISTERED')
  })

  test('what is no definition at all', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { tasks } = background.attach(undefined)
    for (const wrong of [undefined, null, 'echo', {}]) {
      await assertRefused(background, () => tasks.add(wrong as typeof echo, 'a'), 'TASK_NOT_REGISTERED')
    }
  })

  test('outside of a request in the same way, as a rejection', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    await assert.rejects(
      background.add(echo, () => 1),
      { code: 'TASK_INPUT_NOT_STORABLE' },
    )
    assert.equal((await background.counts()).size, 0)
  })

  test('a carry that throws, with its error', async (t) => {
    const { background } = bench(t, {
      tasks: [echo],
      carry: () => {
        throw new Error('no trace')
      },
    })
    const { tasks } = background.attach(undefined)
    assert.throws(() => tasks.add(echo, 'a'), /no trace/)
    assert.equal((await background.counts()).size, 0)
  })

  test('one bad task without harm to the good ones of the same response', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const scope = background.attach(undefined)
    const good = scope.tasks.add(echo, 'a')
    assert.throws(() => scope.tasks.add(echo, () => 1))
    await scope.settle(200)
    scope.close()
    assert.equal(await background.result(good.id), 'a')
  })
})

describe('defer refuses', () => {
  test('what is no function', (t) => {
    const { background } = bench(t)
    assert.throws(() => background.attach(undefined).tasks.defer('later' as never), { code: 'OPTION_INVALID' })
  })

  test('an answer that there is not', (t) => {
    const { background } = bench(t)
    const { tasks } = background.attach(undefined)
    assert.throws(() => tasks.defer(() => 1, { on: 'sometimes' as never }), { code: 'OPTION_INVALID' })
  })
})

describe('the bound of the buffer', () => {
  test('refuses what comes past it with 503 and the time to come back', (t) => {
    const { background } = bench(t, { tasks: [echo], bufferMax: 2 })
    const { tasks } = background.attach(undefined)
    tasks.add(echo, 'a')
    background.attach(undefined).tasks.add(echo, 'b')
    assert.throws(
      () => tasks.add(echo, 'c'),
      (error: AfterwordError) => {
        const { code, statusCode, retryAfterSeconds, details } = error
        assert.deepEqual([code, statusCode, retryAfterSeconds], ['BUFFER_FULL', 503, 1])
        assert.deepEqual(details, { name: 'echo', buffered: 2, max: 2 })
        return true
      },
    )
  })

  test('gives way when the tasks are stored', async (t) => {
    const { background } = bench(t, { tasks: [echo], bufferMax: 1 })
    for (let i = 0; i < 3; i++) await background.add(echo, i)
    const scope = background.attach(undefined)
    scope.tasks.add(echo, 'a')
    await scope.settle(200)
    scope.tasks.add(echo, 'b')
    scope.close()
  })

  test('gives way when the tasks are dropped', (t) => {
    const { background } = bench(t, { tasks: [echo], bufferMax: 1 })
    for (let i = 0; i < 3; i++) {
      const scope = background.attach(undefined)
      scope.tasks.add(echo, i)
      void scope.settle(500)
      scope.close()
    }
  })

  test('gives way when the store refuses', async (t) => {
    const { background } = bench(t, { tasks: [echo], bufferMax: 1, store: `sqlite:${import.meta.filename}/tasks.db` })
    for (let i = 0; i < 3; i++) await assert.rejects(background.add(echo, i), { code: 'STORE_NOT_WRITABLE' })
  })
})

describe('the bound of the backlog', () => {
  test('refuses what comes past it with 503 and the time to come back', async (t) => {
    const { background } = bench(t, { tasks: [echo], backlogMax: 1 })
    await background.add(echo, 'a', { delay: '1h' })
    await assert.rejects(background.add(echo, 'b'), (error: AfterwordError) => {
      const { code, statusCode, retryAfterSeconds, details } = error
      assert.deepEqual([code, statusCode, retryAfterSeconds], ['BACKLOG_FULL', 503, 5])
      assert.deepEqual(details, { name: 'echo', live: 1, max: 1 })
      return true
    })
  })

  test('gives way when a task has ended', async (t) => {
    const { background } = bench(t, { tasks: [echo], backlogMax: 1 })
    for (let i = 0; i < 3; i++) await background.result((await background.add(echo, i)).id)
  })

  test('gives way when a task is cancelled', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [echo], backlogMax: 1 })
    const { id } = await clock.run(background.add(echo, 'a', { delay: '1h' }))
    await background.cancel(id)
    await clock.settle()
    await clock.run(background.add(echo, 'b'))
  })

  test('gives way in a process that only adds, within its poll, when others have done the work', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const adds = bench(t, { store, tasks: [echo], backlogMax: 1, works: false, poll: 100 })
    const { id } = await adds.background.add(echo, 'a')
    await assert.rejects(adds.background.add(echo, 'b'), { code: 'BACKLOG_FULL' })
    const runs = bench(t, { store, tasks: [echo] })
    await runs.background.start()
    await runs.until('attempt:end', id)
    for (let free = false; !free;) {
      await turn()
      free = await adds.background.add(echo, 'b').then(
        () => true,
        () => false,
      )
    }
  })
})

describe('a background that has stopped', () => {
  test('refuses further tasks with 503', async (t) => {
    const { background } = bench(t, { tasks: [echo] })
    const { tasks } = background.attach(undefined)
    await background.stop()
    assert.throws(() => tasks.add(echo, 'a'), { code: 'BACKGROUND_STOPPED', statusCode: 503 })
    await assert.rejects(background.add(echo, 'a'), { code: 'BACKGROUND_STOPPED' })
  })
})
