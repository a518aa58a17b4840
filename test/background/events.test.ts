/** What a background tells: as events, to a logger, and to diagnostics_channel. */
import assert from 'node:assert/strict'
import { fork, spawnSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { defineTask } from '../../src/define-task.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { AttemptEnd } from '../../src/model/events.ts'
import type { Logger } from '../../src/model/logger.ts'
import { bench, databaseFile, fixedChance, gate, SILENT, timedBench } from '../support/bench.ts'
import { breakDisk } from '../support/broken-disk.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Faults } from '../support/faulty-store.ts'

const echo = defineTask({ name: 'echo', run: (text: string) => text })
const fails = defineTask({
  name: 'fails',
  retry: { attempts: 2, base: 10, cap: 10 },
  run: () => Promise.reject(new Error('no')),
})

/** A pino logger with all that it has written. */
function pinoBench() {
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    { level: 'debug', base: null, timestamp: false },
    { write: (line) => void lines.push(JSON.parse(line) as never) },
  )
  return { lines, logger }
}

const LEVELS: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' }
const told = (line: Record<string, unknown>) => [LEVELS[line['level'] as number], line['msg']]

describe('the log', () => {
  test('has one line for each transition of a task, with task, request and worker in it', async (t) => {
    const { lines, logger } = pinoBench()
    const { background, until } = bench(t, { tasks: [echo], logger })
    const scope = background.attach(undefined, { id: 'req-1' })
    const { id } = scope.tasks.add(echo, 'a')
    await scope.settle(201)
    scope.close()
    const { attempt } = await until('attempt:end', id)
    const facts = { task: 'echo', taskId: id, queue: 'default', requestId: 'req-1' }
    const about = lines.filter((line) => line['taskId'] === id)
    assert.deepEqual(about.map(told), [
      ['debug', 'task added, running'],
      ['debug', 'attempt started'],
      ['debug', 'attempt 1 of "echo" ended, succeeded'],
    ])
    for (const line of about) assert.deepEqual({ ...line, ...facts }, line)
    for (const line of about.slice(1)) assert.deepEqual([line['worker'], line['attempt']], [attempt.worker, 1])
  })

  test('tells a failure that is repeated from one that was the last', async (t) => {
    const { lines, logger } = pinoBench()
    const { background, clock } = timedBench(t, { tasks: [fails], logger }, { chance: fixedChance(0.5) })
    const { id } = await clock.run(background.add(fails))
    await clock.advance(200)
    const about = lines.filter((line) => line['taskId'] === id && line['error'] !== undefined)
    assert.deepEqual(
      about.map((line) => [...told(line), line['attempt'], line['state']]),
      [
        ['warn', 'attempt 1 of "fails" failed, the next is in 0 ms: no', 1, 'scheduled'],
        ['error', 'attempt 2 of "fails" failed, and it was the last: no', 2, 'failed'],
      ],
    )
  })

  test('warns of a dropped task by name, with the status and what it was for', async (t) => {
    const { lines, logger } = pinoBench()
    const { background } = bench(t, { tasks: [echo], logger })
    const scope = background.attach(undefined)
    scope.tasks.add(echo, 'a')
    void scope.settle(404)
    scope.close()
    assert.deepEqual(lines.map(told), [
      ['warn', 'task "echo" dropped: the answer was 404 and it is kept on success only'],
    ])
  })

  test('names the worker and its store when it registers', async (t) => {
    const { lines, logger } = pinoBench()
    const { background, until } = bench(t, { logger })
    await background.start()
    const { worker } = await until('worker:registered')
    assert.deepEqual(lines.map(told), [['info', `worker ${worker} registered at memory:`]])
  })

  /** What a small program writes to stderr with that level. */
  function stderrOf(level: string | undefined, name = 'one-task.ts'): string[] {
    const { AFTERWORD_LOG: _, ...env } = process.env
    const program = join(import.meta.dirname, 'children', name)
    const { stderr, status } = spawnSync(process.execPath, [program], {
      env: { ...env, ...(level === undefined ? {} : { AFTERWORD_LOG: level }) },
      encoding: 'utf8',
    })
    assert.equal(status, 0)
    return stderr.split('\n').filter((line) => line !== '')
  }

  test('of those who brought no logger goes to stderr with AFTERWORD_LOG=debug, a line of JSON for each event', () => {
    const lines = stderrOf('debug').map(
      (line) => JSON.parse(line.replace(/^afterword /, '')) as Record<string, unknown>,
    )
    assert.deepEqual(
      lines
        .map((line) => [line['level'], line['msg']])
        .filter(([, message]) => /^(task|attempt)/.test(message as string)),
      [
        ['debug', 'task added, running'],
        ['debug', 'attempt started'],
        ['debug', 'attempt 1 of "greet" ended, succeeded'],
      ],
    )
  })

  /** The lines about a stop, of a program with that level. */
  function accounts(level: string | undefined, name: string): string[][] {
    return stderrOf(level, name).flatMap((line) => {
      const { level: shown, msg } = JSON.parse(line.replace(/^afterword /, '')) as { level: string; msg: string }
      return msg.startsWith('afterword stopped') ? [[shown, msg]] : []
    })
  }

  test('of those who brought no logger accounts for what a stop has left', () => {
    assert.deepEqual(accounts(undefined, 'leaves-a-task.ts'), [
      ['warn', 'afterword stopped: 0 finished, 1 handed back, 0 abandoned'],
    ])
    assert.deepEqual(accounts('error', 'leaves-a-task.ts'), [])
  })

  test('of those who brought no logger accounts for a clean stop with AFTERWORD_LOG=info and debug', () => {
    for (const level of ['info', 'debug']) {
      assert.deepEqual(accounts(level, 'one-task.ts'), [
        ['info', 'afterword stopped: 0 finished, 0 handed back, 0 abandoned'],
      ])
    }
  })

  test('of those who brought no logger is silent while all is well', () => {
    assert.deepEqual(stderrOf(undefined), [])
  })

  test('that nobody reads any more does not end the process', async () => {
    const program = fork(join(import.meta.dirname, 'children', 'logs-to-nobody.ts'), [], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    await once(program, 'message')
    program.stderr?.destroy()
    program.send('go')
    assert.deepEqual(await once(program, 'message'), ['hello', undefined])
    assert.deepEqual(await once(program, 'exit'), [0, null])
  })
})

describe('a listener', () => {
  test('hears each event until it is taken off', async (t) => {
    const { background, until } = bench(t, { tasks: [echo] })
    const heard: string[] = []
    const off = background.on('attempt:end', ({ attempt }) => heard.push(attempt.id))
    const a = await background.add(echo, 'a')
    await until('attempt:end', a.id)
    off()
    await until('attempt:end', (await background.add(echo, 'b')).id)
    assert.deepEqual(heard, [a.id])
  })

  test('that throws is reported, and breaks neither the task nor the other listeners', async (t) => {
    const reported: object[] = []
    const logger: Logger = { ...SILENT, error: (fields) => void reported.push(fields) }
    const { background } = bench(t, { tasks: [echo], logger })
    const error = new Error('a broken listener')
    const heard: string[] = []
    for (const name of ['task:added', 'attempt:start', 'attempt:end'] as const) {
      background.on(name, () => {
        throw error
      })
      background.on(name, () => heard.push(name))
    }
    assert.equal(await background.result((await background.add(echo, 'a')).id), 'a')
    assert.deepEqual(heard, ['task:added', 'attempt:start', 'attempt:end'])
    assert.deepEqual(
      reported,
      heard.map((event) => ({ event, err: error })),
    )
  })

  test('that rejects is reported, and is no unhandled rejection', async (t) => {
    const { promise, resolve } = Promise.withResolvers<object>()
    const { background } = bench(t, { tasks: [echo], logger: { ...SILENT, error: resolve } })
    const error = new Error('a broken listener')
    background.on('attempt:end', () => Promise.reject(error) as never)
    await background.add(echo, 'a')
    assert.deepEqual(await promise, { event: 'attempt:end', err: error })
  })

  test('is all that hears of a logger that throws: the work goes on', async (t) => {
    const broken = (): never => {
      throw new Error('a broken logger')
    }
    const { background } = bench(t, {
      tasks: [echo, fails],
      logger: { debug: broken, info: broken, warn: broken, error: broken },
    })
    const added = await Promise.all([background.add(fails), background.add(echo, 'a'), background.add(echo, 'b')])
    assert.deepEqual(await Promise.all(added.slice(1).map(({ id }) => background.result(id))), ['a', 'b'])
    await assert.rejects(background.result(added[0].id), { code: 'TASK_FAILED' })
  })

  test('may be a subscriber of diagnostics_channel, for every background of the process', async (t) => {
    const heard: string[] = []
    const onEnd = (message: unknown): void => void heard.push((message as AttemptEnd).attempt.id)
    subscribe('afterword:attempt:end', onEnd)
    t.after(() => unsubscribe('afterword:attempt:end', onEnd))
    const [one, two] = [bench(t, { tasks: [echo] }), bench(t, { tasks: [echo] })]
    const [a, b] = [await one.background.add(echo, 'a'), await two.background.add(echo, 'b')]
    await Promise.all([one.until('attempt:end'), two.until('attempt:end')])
    assert.deepEqual(heard.sort(), [a.id, b.id].sort())
  })

  test('gets the error of an attempt as it was thrown', async (t) => {
    const thrown = new Error('the very one')
    const throws = defineTask({ name: 'throws', retry: { attempts: 1 }, run: () => Promise.reject(thrown) })
    const { background, until } = bench(t, { tasks: [throws] })
    await background.add(throws)
    assert.equal((await until('attempt:failed')).thrown, thrown)
  })
})

describe('tasks that no worker takes', () => {
  test('are told of once for each name and queue, soon after the start', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo] })
    for (const queue of ['elsewhere', 'elsewhere', 'far-away']) await clock.run(background.add(echo, 'a', { queue }))
    await clock.advance(10_000)
    const pairs = () => events.all('task:unknown').map(({ name, queue }) => [name, queue])
    assert.deepEqual(pairs(), [
      ['echo', 'elsewhere'],
      ['echo', 'far-away'],
    ])
    await clock.advance(600_000)
    assert.equal(pairs().length, 2)
  })

  test('are told of within a minute when they come later', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [echo] })
    await clock.run(background.start())
    await clock.advance(10_000)
    await clock.run(background.add(echo, 'a', { queue: 'elsewhere' }))
    await clock.advance(61_000)
    assert.deepEqual(events.all('task:unknown'), [{ name: 'echo', queue: 'elsewhere', version: 1, lack: 'queue' }])
  })
})

describe('a store that refuses', () => {
  test('an add rejects it with its code, and tells of it', async (t) => {
    const faults = new Faults()
    const { background, until } = bench(t, { store: faults.store, tasks: [echo], works: false })
    await background.start()
    const full = new AfterwordError('STORE_FULL', { file: 'x' })
    faults.refuse('write', full)
    await assert.rejects(background.add(echo, 'a'), { code: 'STORE_FULL', statusCode: 503 })
    assert.equal((await until('store:error')).error, full)
  })

  test('an outcome is asked again until it takes it', async (t) => {
    const faults = new Faults()
    const { background, clock, events } = timedBench(t, { store: faults.store, tasks: [echo] })
    const { id } = await clock.run(background.add(echo, 'a'))
    for (let i = 0; i < 3; i++) faults.refuse('write', new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 }))
    await clock.advance(10_000)
    assert.deepEqual([events.all('store:error').length, events.all('attempt:end', id).length], [3, 1])
  })

  test('a beat, a look or a poll goes on as if nothing had been', async (t) => {
    const faults = new Faults()
    const { background, clock, events } = timedBench(t, { store: faults.store, tasks: [echo] })
    await clock.run(background.start())
    const busy = new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 })
    for (const verb of ['beat', 'workers', 'prune', 'readyKinds'] as const) faults.refuse(verb, busy)
    await clock.advance(120_000)
    assert.equal(events.all('store:error').length, 4)
    const { id } = await clock.run(background.add(echo, 'a'))
    assert.equal(await clock.run(background.result(id)), 'a')
  })
})

describe('a disk that fails to sync', () => {
  test('stops the store for good: no add is acknowledged from there on', async (t) => {
    const { background, events } = bench(t, { store: `sqlite:${databaseFile(t)}`, tasks: [echo], works: false })
    await background.start()
    t.after(breakDisk())
    const failed = { code: 'STORE_FAILED', statusCode: 503 }
    for (let i = 0; i < 3; i++) await assert.rejects(background.add(echo, 'a'), failed)
    assert.deepEqual(
      events.all('store:failed').map(({ error }) => error.code),
      ['STORE_FAILED'],
    )
  })

  test('leaves to others what is claimed and has not begun; what runs goes on, and the account names all of it', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened.then(() => ended.open()) })
    const ended = gate()
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, events, until } = bench(t, { store, tasks: [echo, waits], concurrency: 1 })
    const running = await background.add(waits)
    await until('attempt:start', running.id)
    const waiting = await background.add(echo, 'waits for the place')
    const scope = background.attach(undefined)
    const held = scope.tasks.add(echo, 'waits for its response')
    await scope.settle(200)
    t.after(breakDisk())
    await assert.rejects(background.add(echo, 'b', { delay: '1h' }), { code: 'STORE_FAILED' })
    scope.close()
    open.open()
    await ended.opened
    const { finished, leftToRescue } = await background.stop()
    assert.deepEqual([finished, leftToRescue], [0, [waiting.id, held.id, running.id]])
    assert.deepEqual(
      events.all('attempt:start').map(({ attempt }) => attempt.id),
      [running.id],
    )
  })

  test('is told once: nothing is asked of that store from there on', async (t) => {
    const clock = new FakeClock()
    const { background, events } = bench(t, { store: `sqlite:${databaseFile(t)}`, tasks: [echo] }, { clock })
    await background.start()
    t.after(breakDisk())
    await assert.rejects(background.add(echo, 'b'), { code: 'STORE_FAILED' })
    const before = events.all('store:error').length
    await clock.advance(600_000)
    assert.equal(events.all('store:error').length, before)
  })

  test('as the store is opened is over with the next start that succeeds', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until } = bench(t, { store, tasks: [echo], poll: '1h' })
    const repair = breakDisk()
    t.after(repair)
    await assert.rejects(background.start(), { code: 'STORE_FAILED' })
    repair()
    await background.start()
    const { id } = await bench(t, { store, tasks: [echo], works: false }).background.add(echo, 'a')
    assert.equal((await until('attempt:end', id)).state, 'succeeded')
  })

  test('lets a stop come to its end', async (t) => {
    const { background, until } = bench(t, { store: `sqlite:${databaseFile(t)}`, tasks: [echo] })
    await background.result((await background.add(echo, 'a')).id)
    t.after(breakDisk())
    await assert.rejects(background.add(echo, 'b'), { code: 'STORE_FAILED' })
    await background.stop()
    await until('stopped')
  })
})
