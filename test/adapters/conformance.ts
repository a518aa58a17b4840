/**
 * What every adapter promises, run against the real framework on a real socket. Method: `serve` answers in the framework's
 * own way what the handlers here return or throw; stores and tasks are held by promises, so nothing waits for time.
 */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createBackground } from '../../src/background.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { databaseFile, later } from '../support/bench.ts'
import { lifeCases } from './conformance-life.ts'
import { sessionCases } from './conformance-sessions.ts'
import { inParts } from './in-parts.ts'
import { FullStore, HandlerError, type Plan, type Serve, storeBehind, World } from './world.ts'

/** What an adapter cannot do for a reason that lies outside of it, by the title of the case. */
export type Skips = Readonly<Record<string, string>>

/** Middleware learns of its server by the first answer; `handleSignals({ server })` tells it sooner. */
export const KNOWN_BY_REQUEST: Skips = {
  'such connections are closed also when the application never had a request':
    'middleware alone does not know its server before the first request',
}

/** Runs all cases against one framework. */
export function adapterConformance(name: string, serve: Serve, skips: Skips = {}): void {
  const test = (title: string, run: (t: TestContext) => Promise<void>): void => {
    void it(title, { skip: skips[title] ?? false }, run)
  }
  const open = (t: TestContext, plan: (world: World) => Plan, options?: Plan['options']): Promise<World> =>
    World.open(t, serve, plan, options)

  describe(`${name}: tasks of a response`, () => {
    test('are stored before the first byte of the answer leaves', async (t) => {
      const room = Promise.withResolvers<void>()
      const writing = Promise.withResolvers<void>()
      const store = storeBehind(async (next) => {
        writing.resolve()
        await room.promise
        return next()
      })
      const responses: { bytesWritten?: number | undefined }[] = []
      const world = await open(
        t,
        ({ note }) => ({
          handle({ tasks, response }) {
            if (response.socket !== null) responses.push(response.socket)
            tasks.add(note, { text: 'noted' })
            return { status: 201, body: 'made' }
          },
        }),
        { store },
      )
      const wire = (await world.wire()).get('/')
      await writing.promise
      assert.deepEqual([responses[0]?.bytesWritten, wire.text], [0, ''])
      room.resolve()
      const { status, body } = await wire.answer()
      assert.deepEqual([status, body], [201, 'made'])
    })

    test('are seen by another process when the client has the head', async (t) => {
      const store = `sqlite:${databaseFile(t)}`
      const world = await open(
        t,
        ({ wait }) => ({ handle: ({ tasks }) => ({ body: tasks.add(wait, { text: 'noted' }).id }) }),
        { store },
      )
      const other = createBackground({ store, works: false })
      later(t).defer(async () => void (await other.stop()))
      await other.start()
      const { body: id } = await world.get('/')
      assert.equal((await other.get(id))?.name, 'wait')
    })

    test('start when the answer is out', async (t) => {
      const second = Promise.withResolvers<void>()
      const world = await open(t, ({ note, log }) => ({
        handle({ tasks, response }) {
          tasks.add(note, { text: 'task' })
          response.once('finish', () => log.push('answer is out'))
          return { stream: inParts('first', () => second.promise, 'second') }
        },
      }))
      const wire = (await world.wire()).get('/')
      await wire.until(/first/)
      assert.deepEqual(world.log, [])
      second.resolve()
      assert.equal((await wire.answer()).body, 'firstsecond')
      await world.events.until('attempt:end')
      assert.deepEqual(world.log, ['answer is out', 'task'])
    })

    test('run one after another in the order added, those of middleware first', async (t) => {
      const world = await open(t, ({ wait, note }) => ({
        before: ({ tasks }) => void tasks.add(wait, { text: 'middleware' }),
        async handle({ tasks }) {
          await Promise.resolve()
          tasks.add(note, { text: 'handler' })
          return { body: tasks.add(note, { text: 'last' }).id }
        },
      }))
      const { body: last } = await world.get('/')
      await world.events.until('attempt:start')
      assert.deepEqual(world.log, ['middleware'])
      world.release()
      await world.ran(last)
      assert.deepEqual(world.log, ['middleware', 'middleware over', 'handler', 'last'])
    })

    test('may be added deep below the handler with currentTasks(), also after a body was read', async (t) => {
      const world = await open(t, ({ note }) => ({
        handle: async ({ tasks, path }) => {
          await new Promise((resolve) => setImmediate(resolve))
          const { id } = await deepBelow(() => currentTasks().add(note, { text: path }))
          assert.equal(tasks instanceof Object, true)
          return { body: id }
        },
      }))
      const wire = await world.wire()
      const body = '{"a":1}'
      wire.send('POST /posted HTTP/1.1', 'Host: x', 'Content-Type: application/json', `Content-Length: ${body.length}`)
      wire.socket.write(body)
      await world.ran((await wire.answer()).body)
      assert.deepEqual(world.log, ['/posted'])
    })

    test('added after the head are stored at once and run when the answer is out', async (t) => {
      const seen = Promise.withResolvers<void>()
      const world = await open(t, ({ note, log }) => ({
        handle({ tasks, response }) {
          response.once('finish', () => log.push('answer is out'))
          const addLate = async (): Promise<void> => {
            await seen.promise
            await tasks.add(note, { text: 'late' }).committed
            log.push('stored')
          }
          return { stream: inParts('first', addLate, 'second') }
        },
      }))
      const wire = (await world.wire()).get('/')
      await wire.until(/first/)
      seen.resolve()
      assert.equal((await wire.answer()).body, 'firstsecond')
      await world.events.until('attempt:end')
      assert.deepEqual(world.log, ['stored', 'answer is out', 'late'])
    })

    test('may be plain functions, which run after the answer and are dropped with it', async (t) => {
      const ran = Promise.withResolvers<void>()
      const world = await open(t, ({ log }) => ({
        handle({ tasks, path, response }) {
          response.once('finish', () => log.push(`${path} is out`))
          tasks.defer(() => {
            log.push(`${path} deferred`)
            ran.resolve()
          })
          return { status: path === '/kept' ? 200 : 500 }
        },
      }))
      await world.get('/dropped')
      await world.get('/kept')
      await ran.promise
      assert.deepEqual(world.log, ['/dropped is out', '/kept is out', '/kept deferred'])
    })
  })

  describe(`${name}: the status that leaves decides`, () => {
    const replies: Record<string, [kept: boolean, status: number, handle: () => ReturnType<Plan['handle']>]> = {
      '200': [true, 200, () => ({ body: 'x' })],
      '204': [true, 204, () => ({ status: 204 })],
      '302': [true, 302, () => ({ status: 302, headers: { location: '/there' } })],
      '304': [true, 304, () => ({ status: 304 })],
      '404 that is returned': [false, 404, () => ({ status: 404, body: 'none' })],
      '500 that is returned': [false, 500, () => ({ status: 500, body: 'boom' })],
      'an error that is thrown': [false, 500, () => thrown()],
      'an error that is thrown later': [
        false,
        500,
        async () => {
          await new Promise((resolve) => setImmediate(resolve))
          return thrown()
        },
      ],
    }
    for (const [what, [kept, expected, handle]] of Object.entries(replies)) {
      test(`${what}: tasks are ${kept ? 'kept' : 'dropped, by name'}`, async (t) => {
        const ids: Record<string, string> = {}
        const world = await open(t, ({ note }) => ({
          handle({ tasks }) {
            for (const on of ['success', 'error', 'always'] as const) ids[on] = tasks.add(note, { text: on }, { on }).id
            return handle()
          },
        }))
        assert.equal((await world.get('/')).status, expected)
        await world.ran(ids['always'] ?? '')
        const [stays, goes] = kept ? ['success', 'error'] : ['error', 'success']
        assert.deepEqual(
          world.log,
          [stays, 'always'].sort((a, b) => order(a) - order(b)),
        )
        const [dropped] = world.events.all('task:dropped')
        assert.deepEqual([dropped?.task.id, dropped?.status], [ids[goes ?? ''], expected])
        assert.match(world.warnings.join('\n'), new RegExp(`task "note" dropped: the answer was ${expected}`))
        assert.equal(await world.background.get(ids[goes ?? ''] ?? ''), undefined)
      })
    }

    test('an error handler that throws: tasks are dropped', async (t) => {
      const world = await open(t, ({ note }) => ({
        handle({ tasks }) {
          tasks.add(note, { text: 'never' })
          return thrown()
        },
        onError() {
          throw new Error('the error handler fails too')
        },
      }))
      assert.equal((await world.get('/')).status, 500)
      assert.equal(world.events.all('task:dropped').length, 1)
    })
  })

  describe(`${name}: when there is no room`, () => {
    test('a store that fails at the gate is a 503 with Retry-After, and nothing is kept', async (t) => {
      const disk = new FullStore()
      const ids: string[] = []
      const world = await open(
        t,
        ({ note }) => ({
          handle({ tasks, path }) {
            ids.push(tasks.add(note, { text: path }).id)
            return { status: 201, body: 'made', headers: { location: '/made' } }
          },
        }),
        { store: disk.store },
      )
      const wire = await world.wire()
      const refused = await wire.get('/refused').answer()
      assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '10'])
      assert.match(refused.body, /STORE_FULL/)
      disk.isFull = false
      assert.equal((await wire.get('/made').answer()).status, 201)
      await world.ran(ids[1] ?? '')
      assert.deepEqual(world.log, ['/made'])
      assert.equal(await world.background.get(ids[0] ?? ''), undefined)
    })

    test('the same holds for a streamed answer', async (t) => {
      const disk = new FullStore()
      const world = await open(
        t,
        ({ note }) => ({
          handle({ tasks }) {
            tasks.add(note, { text: 'never' })
            return { stream: inParts('first', () => Promise.resolve(), 'second') }
          },
        }),
        { store: disk.store },
      )
      const { status, headers, body } = await world.get('/')
      assert.deepEqual([status, headers['retry-after']], [503, '10'])
      assert.match(body, /"error":"STORE_FULL"/)
      assert.doesNotMatch(body, /first/)
    })

    test('an add that is refused is a 503 with Retry-After, and nothing is kept', async (t) => {
      const world = await open(
        t,
        ({ note }) => ({
          handle({ tasks }) {
            tasks.add(note, { text: 'first' })
            tasks.add(note, { text: 'one too many' })
            return { body: 'never' }
          },
        }),
        { bufferMax: 1 },
      )
      const { status, headers } = await world.get('/')
      assert.deepEqual([status, headers['retry-after']], [503, '1'])
      assert.equal(world.events.all('task:dropped').length, 1)
    })
  })

  lifeCases(name, test, open)
  sessionCases(name, test, open)
}

function thrown(): never {
  throw new HandlerError()
}

function order(on: string | undefined): number {
  return ['success', 'error', 'always'].indexOf(on ?? '')
}

async function deepBelow<T>(call: () => T): Promise<T> {
  await Promise.resolve()
  return call()
}
