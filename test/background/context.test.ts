/** What `run` sees of its attempt. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { currentTasks } from '../../src/current-tasks.ts'
import { defineTask } from '../../src/define-task.ts'
import type { TaskContext } from '../../src/model/definition.ts'
import type { Logger } from '../../src/model/logger.ts'
import { bench, timedBench } from '../support/bench.ts'

/** A task that gives what `look` sees. */
const looking = <T>(look: (context: TaskContext) => T) =>
  defineTask({ name: 'looking', run: (_: undefined, context) => look(context) })

describe('the context', () => {
  test('names the task, and its id as the key for services that know idempotency keys', async (t) => {
    const task = looking(({ id, name, idempotencyKey }) => ({ id, name, idempotencyKey }))
    const { background } = bench(t, { tasks: [task] })
    const { id } = await background.add(task)
    assert.deepEqual(await background.result(id), { id, name: 'looking', idempotencyKey: id })
  })

  test('counts attempts from 1', async (t) => {
    const attempts: number[] = []
    const failing = defineTask({
      name: 'failing',
      retry: { attempts: 3, base: 1, cap: 1 },
      run: (_: undefined, { attempt, idempotencyKey, id }) => {
        attempts.push(attempt)
        assert.equal(idempotencyKey, id)
        throw new Error('no')
      },
    })
    const { background, clock } = timedBench(t, { tasks: [failing] })
    await clock.run(background.add(failing))
    await clock.advance(100)
    assert.deepEqual(attempts, [1, 2, 3])
  })

  test('says when the task was added, and that no worker died with it', async (t) => {
    const task = looking(({ addedAt, crashes }) => ({ addedAt, crashes }))
    const { background, clock } = timedBench(t, { tasks: [task] })
    const addedAt = new Date(clock.now())
    const { id } = await clock.run(background.add(task, undefined, { delay: '1m' }))
    assert.deepEqual(await clock.run(background.result(id)), { addedAt, crashes: 0 })
  })

  test('names the request that added the task', async (t) => {
    const task = looking(({ requestId }) => requestId)
    const { background } = bench(t, { tasks: [task] })
    const scope = background.attach(undefined, { id: 'req-7' })
    const inside = scope.tasks.add(task)
    await scope.settle(200)
    scope.close()
    const outside = await background.add(task)
    assert.deepEqual([await background.result(inside.id), await background.result(outside.id)], ['req-7', undefined])
  })

  test('carries what the application had at each add', async (t) => {
    const trace = new AsyncLocalStorage<string>()
    const task = looking(({ carried }) => carried)
    const { background } = bench(t, { tasks: [task], carry: () => ({ trace: trace.getStore(), at: new Date(5) }) })
    const [a, b] = await Promise.all(['a', 'b'].map((name) => trace.run(name, () => background.add(task))))
    assert.deepEqual(await background.result(a!.id), { trace: 'a', at: new Date(5) })
    assert.deepEqual(await background.result(b!.id), { trace: 'b', at: new Date(5) })
  })

  test('carries nothing by default', async (t) => {
    const task = looking(({ carried }) => carried)
    const { background } = bench(t, { tasks: [task] })
    assert.deepEqual(await background.result((await background.add(task)).id), {})
  })

  test('logs with task, id, attempt and request in every line', async (t) => {
    const lines: object[] = []
    const at = (level: string) => (fields: object, message: string) => {
      if (message.startsWith('mine')) lines.push({ level, message, ...fields })
    }
    const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
    const task = looking(({ log }) => {
      log.info({ sent: 3 }, 'mine')
      log.debug({}, 'mine too')
      log.warn({}, 'mine')
      log.error({}, 'mine')
    })
    const { background } = bench(t, { tasks: [task], logger })
    const scope = background.attach(undefined, { id: 'req-1' })
    const { id } = scope.tasks.add(task)
    await scope.settle(200)
    scope.close()
    await background.result(id)
    const bound = { task: 'looking', taskId: id, attempt: 1, requestId: 'req-1' }
    assert.deepEqual(lines, [
      { level: 'info', message: 'mine', ...bound, sent: 3 },
      { level: 'debug', message: 'mine too', ...bound },
      { level: 'warn', message: 'mine', ...bound },
      { level: 'error', message: 'mine', ...bound },
    ])
  })

  test('has a signal that is the same one each time, and does not abort by itself', async (t) => {
    const task = looking((context) => {
      const { signal } = context
      return signal === context.signal && !signal.aborted
    })
    const { background } = bench(t, { tasks: [task] })
    assert.equal(await background.result((await background.add(task)).id), true)
  })
})

describe('progress', () => {
  test('is stored and shown while the task runs; the latest wins', async (t) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const task = defineTask({
      name: 'reports',
      run: (_: undefined, { progress }: TaskContext) => {
        progress({ done: 1 })
        progress({ done: 2, since: new Date(9) })
        return promise
      },
    })
    const { background, clock, events, row } = timedBench(t, { tasks: [task] })
    const { id } = await clock.run(background.add(task))
    await clock.advance(50)
    assert.deepEqual([(await row(id)).state, (await row(id)).progress], ['running', { done: 2, since: new Date(9) }])
    assert.deepEqual(
      events.all('attempt:progress', id).map(({ value }) => value),
      [{ done: 1 }, { done: 2, since: new Date(9) }],
    )
    resolve()
  })

  test('is kept when the task has ended', async (t) => {
    const task = looking((context) => context.progress('almost'))
    const { background, row } = bench(t, { tasks: [task] })
    const { id } = await background.add(task)
    await background.result(id)
    assert.equal((await row(id)).progress, 'almost')
  })

  test('that cannot be stored throws in the task', async (t) => {
    const task = looking((context) => {
      assert.throws(() => context.progress(() => 1), { code: 'RESULT_NOT_STORABLE' })
      assert.throws(() => context.progress('x'.repeat(500)), { code: 'RESULT_TOO_LARGE' })
      return 'went on'
    })
    const { background } = bench(t, { tasks: [task], resultBytesMax: 100 })
    assert.equal(await background.result((await background.add(task)).id), 'went on')
  })
})

describe('a task', () => {
  const user = new AsyncLocalStorage<string>()
  const sees = defineTask({
    name: 'sees',
    run: async () => [user.getStore(), await Promise.resolve().then(() => user.getStore())],
  })

  test('runs outside of the context of the request that added it', async (t) => {
    const { background } = bench(t, { tasks: [sees] })
    const scope = background.attach(undefined)
    const { id } = await user.run('Ada', async () => {
      const handle = scope.tasks.add(sees)
      await scope.settle(200)
      scope.close()
      return handle
    })
    assert.deepEqual(await background.result(id), [undefined, undefined])
  })

  test('runs outside of the context of whoever added it outside of a request', async (t) => {
    const { background } = bench(t, { tasks: [sees] })
    const { id } = await user.run('Ada', () => background.add(sees))
    assert.deepEqual(await background.result(id), [undefined, undefined])
  })

  test('runs outside of the context that another task has entered', async (t) => {
    const enters = defineTask({
      name: 'enters',
      run: async () => {
        user.enterWith('a neighbour')
        await Promise.resolve()
      },
    })
    const entersAtOnce = defineTask({ name: 'enters-at-once', run: () => user.enterWith('a neighbour') })
    const { background } = bench(t, { tasks: [enters, entersAtOnce, sees], concurrency: 1 })
    const added = await Promise.all([
      background.add(enters),
      background.add(sees),
      background.add(entersAtOnce),
      background.add(sees),
    ])
    assert.deepEqual(await background.result(added[1].id), [undefined, undefined])
    assert.deepEqual(await background.result(added[3].id), [undefined, undefined])
  })

  test('has no response: currentTasks() refuses', async (t) => {
    const task = looking(() => {
      assert.throws(() => currentTasks(), { code: 'NO_RESPONSE' })
      return 'refused'
    })
    const { background } = bench(t, { tasks: [task] })
    const scope = background.attach(undefined)
    const { id } = scope.run(() => currentTasks().add(task))
    await scope.settle(200)
    scope.close()
    assert.equal(await background.result(id), 'refused')
  })

  test('may add tasks of its own', async (t) => {
    const child = defineTask({ name: 'child', run: () => 'born' })
    const parent = defineTask({ name: 'parent', run: async () => (await background.add(child)).id })
    const { background } = bench(t, { tasks: [parent, child] })
    const id = await background.result<typeof parent>((await background.add(parent)).id)
    assert.equal(await background.result(id), 'born')
  })
})
