/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits them. */
/** The failures that were measured in FastAPI's BackgroundTasks, section (ii), each with what happens here instead. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { Wire } from '../http/wire.ts'
import { bench, databaseFile, gate, later } from '../support/bench.ts'
import { application, open } from './fastify-application.ts'

describe('(ii a) one task stops everybody', () => {
  it('a task that burns the CPU for two seconds', { skip: 'thread: true is not there yet' })
})

/** Starts the server, has `requests` tasks acknowledged, and gives their ids. */
async function acknowledged(
  t: TestContext,
  store: string,
  requests: number,
): Promise<{ child: ChildProcess; ids: string[] }> {
  const child = fork(new URL('./children/doomed-server.ts', import.meta.url), [store])
  later(t).defer(() => void child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  const wire = await Wire.open(t, port)
  const ids: string[] = []
  for (let i = 0; i < requests; i++) ids.push((await wire.get('/').answer()).body)
  return { child, ids }
}

describe('(ii b) accepted work is lost', () => {
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    it(`${signal}: 0 of 50 acknowledged tasks are lost, and the next process runs them`, async (t) => {
      const store = `sqlite:${databaseFile(t)}`
      const { child, ids } = await acknowledged(t, store, 50)
      child.kill(signal)
      await once(child, 'exit')
      const ran = new Set<string>()
      const done = gate()
      const mail = defineTask({
        name: 'mail',
        run: (_: number, { id }) => {
          ran.add(id)
          if (ran.size === ids.length) done.open()
        },
      })
      const { background } = bench(t, { store, tasks: [mail] })
      await background.start()
      await done.opened
      assert.deepEqual([...ran].toSorted(), ids.toSorted())
    })
  }

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
})
