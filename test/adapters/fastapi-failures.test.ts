/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits them. */
/** The failures that were measured in FastAPI's BackgroundTasks, section (ii), each with what happens here instead. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { Wire } from '../http/wire.ts'
import { inThread } from '../isolates/children/isolated-tasks.ts'
import { bench, databaseFile, gate, later } from '../support/bench.ts'
import { application, open } from './fastify-application.ts'

describe('(ii a) one task stops everybody', () => {
  it('a task that awaits: requests are answered while it runs', async (t) => {
    const world = await open(t, ({ wait }) => ({
      handle({ tasks, path }) {
        if (path === '/') tasks.add(wait, { text: 'task' })
        return { body: path }
      },
    }))
    const wire = await world.wire()
    await wire.get('/').answer()
    await world.events.until('attempt:start')
    for (let i = 0; i < 20; i++) assert.equal((await wire.get('/ping').answer()).body, '/ping')
    assert.deepEqual(world.log, ['task'])
  })

  it('a task that burns the CPU for two seconds: with thread: true requests are answered while it runs', async (t) => {
    const { wire, until, events, background } = await application(t, [inThread.burns], (routes) => {
      routes.get('/burn', async (request) => request.tasks.add(inThread.burns, 2_000).id)
      routes.get('/', async () => 'pong')
    })
    const connection = await wire()
    const { body: id } = await connection.get('/burn').answer()
    await until('attempt:start', id)
    for (let i = 0; i < 100; i++) assert.equal((await connection.get('/').answer()).body, 'pong')
    assert.deepEqual(events.all('attempt:end'), [])
    assert.equal(typeof (await background.result(id)), 'string')
  })
})

/** A server that is about to die, and what it has promised. */
interface Doomed {
  readonly child: ChildProcess
  readonly wire: Wire
  /** Every task that was acknowledged, by its id. */
  readonly ids: string[]
}

/** Starts the server, and has `requests` tasks acknowledged. */
async function acknowledged(t: TestContext, store: string, requests: number, grace = '0ms'): Promise<Doomed> {
  const child = fork(new URL('./children/doomed-server.ts', import.meta.url), [store, grace])
  later(t).defer(() => void child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  const wire = await Wire.open(t, port)
  const ids: string[] = []
  for (let i = 0; i < requests; i++) ids.push((await wire.get('/').answer()).body)
  return { child, wire, ids }
}

/** Runs what is left in the store, until all of these have run. */
async function runsAll(t: TestContext, store: string, ids: readonly string[]): Promise<void> {
  const ran = new Set<string>()
  const done = gate()
  const tasks = ['mail', 'exit', 'hold'].map((name) =>
    defineTask({
      name,
      queue: name === 'mail' ? 'default' : 'others',
      run: (_: number | undefined, { id }) => {
        ran.add(id)
        if (ran.size === ids.length) done.open()
      },
    }),
  )
  const { background } = bench(t, { store, tasks })
  await background.start()
  await done.opened
  assert.deepEqual([...ran].toSorted(), ids.toSorted())
}

describe('(ii b) accepted work is lost', () => {
  const endings: Readonly<Record<string, (child: ChildProcess) => void>> = {
    SIGKILL: (child) => child.kill('SIGKILL'),
    SIGTERM: (child) => child.kill('SIGTERM'),
    SIGINT: (child) => child.kill('SIGINT'),
    'ctrl-C twice': (child) => [child.kill('SIGINT'), child.kill('SIGINT')],
    SIGHUP: (child) => child.kill('SIGHUP'),
  }
  for (const [how, end] of Object.entries(endings)) {
    it(`${how}: 0 of 50 acknowledged tasks are lost, and the next process runs them`, async (t) => {
      const store = `sqlite:${databaseFile(t)}`
      const { child, ids } = await acknowledged(t, store, 50)
      end(child)
      await once(child, 'exit')
      await runsAll(t, store, ids)
    })
  }

  it('SIGTERM, and SIGKILL while it still waits for its tasks: 0 of 50 are lost', async (t) => {
    const store = `sqlite:${databaseFile(t)}`
    const { child, wire, ids } = await acknowledged(t, store, 50, '1h')
    child.kill('SIGTERM')
    // Idle connections are closed: the shutdown is under way.
    await wire.end()
    assert.equal(child.exitCode, null)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await runsAll(t, store, ids)
  })

  it('SIGKILL of one of two workers on one file: 0 of 40 acknowledged tasks are lost', async (t) => {
    const store = `sqlite:${databaseFile(t)}`
    const [one, other] = [await acknowledged(t, store, 20), await acknowledged(t, store, 20)]
    one.child.kill('SIGKILL')
    await once(one.child, 'exit')
    other.child.kill('SIGTERM')
    const ran = runsAll(t, store, [...one.ids, ...other.ids])
    await once(other.child, 'exit')
    await ran
  })

  it('(b2) a task that holds the loop until a watchdog kills its process: 0 of the 50 beside it are lost', async (t) => {
    const store = `sqlite:${databaseFile(t)}`
    const { child, wire, ids } = await acknowledged(t, store, 50)
    const held = once(child, 'message')
    const guilty = (await wire.get('/hold').answer()).body
    assert.deepEqual(await held, ['held', undefined])
    child.kill('SIGKILL')
    await once(child, 'exit')
    await runsAll(t, store, [...ids, guilty])
  })

  it('SystemExit in a task: a task that ends the process takes none of the others with it', async (t) => {
    const store = `sqlite:${databaseFile(t)}`
    const { child, wire, ids } = await acknowledged(t, store, 20)
    const exited = once(child, 'exit')
    const guilty = (await wire.get('/exit').answer()).body
    assert.deepEqual(await exited, [7, null])
    await runsAll(t, store, [...ids, guilty])
  })

  it('a shutdown says which tasks it did not finish', async (t) => {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>()
    const world = await open(
      t,
      ({ wait }) => ({ handle: ({ tasks }) => ({ body: tasks.add(wait, { text: 'endless' }).id }) }),
      {
        store: `sqlite:${databaseFile(t)}`,
        grace: 0,
      },
    )
    world.background.on('stopped', ({ handedBack, abandoned }) =>
      resolve([...handedBack, ...abandoned.map(({ id }) => id)]),
    )
    const { body: id } = await world.get('/')
    await world.events.until('attempt:start')
    await world.close()
    assert.equal((await promise).includes(id), true)
  })
})

describe('(ii e) a task raises', () => {
  it('first, RAISES, third, fourth: all others run, and the next request on the connection is answered', async (t) => {
    const world = await open(t, ({ note, fail }) => ({
      handle({ tasks, path }) {
        if (path !== '/') return { body: 'innocent' }
        tasks.add(note, { text: 'first' })
        tasks.add(fail)
        tasks.add(note, { text: 'third' })
        return { body: tasks.add(note, { text: 'fourth' }).id }
      },
    }))
    const wire = await world.wire()
    const { body: fourth } = await wire.get('/').answer()
    await world.ran(fourth)
    assert.deepEqual(world.log, ['first', 'third', 'fourth'])
    assert.equal((await wire.get('/next').answer()).body, 'innocent')
  })
})

describe('(ii f, g) pending tasks and everybody else', () => {
  it('100 pending tasks take no place from requests, and none is refused', async (t) => {
    const release = gate()
    const park = defineTask({ name: 'park', run: () => release.opened })
    const { wire, until, background } = await application(t, [park], (routes) => {
      routes.get('/park', async (request) => request.tasks.add(park).id)
      routes.get('/', async () => 'pong')
    })
    const connection = await wire()
    for (let i = 0; i < 100; i++) assert.equal((await connection.get('/park').answer()).status, 200)
    await until('attempt:start')
    for (let i = 0; i < 20; i++) assert.equal((await connection.get('/').answer()).body, 'pong')
    release.open()
    for (let i = 0; i < 100; i++) await until('attempt:end')
    assert.equal(background.draining, false)
  })

  it('100 tasks that run at once hold none of the threads that answers need', async (t) => {
    const release = gate()
    const park = defineTask({ name: 'park', run: () => release.opened })
    const { wire, until } = await application(
      t,
      [park],
      (routes) => {
        routes.get('/park', async (request) => request.tasks.add(park).id)
        routes.get('/', async () => (await readFile(import.meta.filename, 'utf8')).length)
      },
      { concurrency: 100 },
    )
    const connection = await wire()
    for (let i = 0; i < 100; i++) await connection.get('/park').answer()
    for (let i = 0; i < 100; i++) await until('attempt:start')
    for (let i = 0; i < 10; i++) assert.equal((await connection.get('/').answer()).status, 200)
    release.open()
    for (let i = 0; i < 100; i++) await until('attempt:end')
  })

  it('concurrency limit of the server: a pending task is no connection, and 20 of 20 others are answered', async (t) => {
    const release = gate()
    const park = defineTask({ name: 'park', run: () => release.opened })
    const { app, wire, until } = await application(t, [park], (routes) => {
      routes.get('/park', async (request) => request.tasks.add(park).id)
      routes.get('/', async () => 'pong')
    })
    app.server.maxConnections = 1
    for (let i = 0; i < 50; i++) await (await wire()).get('/park', 'Connection: close').end()
    const connection = await wire()
    for (let i = 0; i < 20; i++) assert.equal((await connection.get('/').answer()).body, 'pong')
    release.open()
    for (let i = 0; i < 50; i++) await until('attempt:end')
  })
})
