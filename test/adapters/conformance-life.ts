import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, type TestContext } from 'node:test'
import { createBackground } from '../../src/background.ts'
import { databaseFile, later } from '../support/bench.ts'
import { HandlerError, type Plan, type World } from './world.ts'

type Test = (title: string, run: (t: TestContext) => Promise<void>) => void
type Open = (t: TestContext, plan: (world: World) => Plan, options?: Plan['options']) => Promise<World>

/** The cases about connections and their ends, and about the end of the application. */
export function lifeCases(name: string, test: Test, open: Open): void {
  describe(`${name}: connections`, () => {
    test('the next request on a connection is served at once while a task runs', async (t) => {
      const world = await open(t, ({ wait }) => ({
        handle({ tasks, path }) {
          if (path === '/1') tasks.add(wait, { text: 'task' })
          return { body: path }
        },
      }))
      const wire = await world.wire()
      assert.equal((await wire.get('/1').answer()).body, '/1')
      await world.events.until('attempt:start')
      assert.equal((await wire.get('/2').answer()).body, '/2')
      assert.deepEqual(world.log, ['task'])
    })

    test('pipelined requests are answered in their order, each with its own tasks', async (t) => {
      const world = await open(t, ({ note }) => ({
        handle({ tasks, path }) {
          tasks.add(note, { text: path })
          return { status: path === '/2' ? 404 : 200, body: path }
        },
      }))
      const wire = (await world.wire()).get('/1').get('/2').get('/3')
      const answers = [await wire.answer(), await wire.answer(), await wire.answer()]
      assert.deepEqual(
        answers.map(({ status, body }) => `${status} ${body}`),
        ['200 /1', '404 /2', '200 /3'],
      )
      await world.events.until('attempt:end')
      await world.events.until('attempt:end')
      assert.deepEqual(world.log.toSorted(), ['/1', '/3'])
    })

    test('a task that fails touches neither its siblings nor the connection', async (t) => {
      const world = await open(t, ({ fail, note }) => ({
        handle({ tasks, path }) {
          if (path === '/1') {
            tasks.add(fail)
            tasks.add(note, { text: 'sibling' })
          }
          return { body: path }
        },
      }))
      const wire = await world.wire()
      await wire.get('/1').answer()
      await world.events.until('attempt:failed')
      await world.events.until('attempt:end')
      await world.events.until('attempt:end')
      assert.equal((await wire.get('/2').answer()).body, '/2')
      assert.deepEqual(world.log, ['sibling'])
    })

    for (const [how, kept] of [
      ['answers', true],
      ['answers with an error', false],
      ['throws', false],
    ] as const) {
      test(`a client that goes away before the head: tasks are ${kept ? 'kept' : 'dropped'} when the handler ${how}`, async (t) => {
        const { promise, resolve } = Promise.withResolvers<ServerResponse>()
        const world = await open(t, ({ note }) => ({
          async handle({ tasks, response }) {
            resolve(response)
            tasks.add(note, { text: 'task' })
            if (!response.destroyed) await new Promise((gone) => response.once('close', gone))
            if (how === 'throws') throw new HandlerError()
            return { status: kept ? 200 : 500, body: 'too late' }
          },
        }))
        const wire = (await world.wire()).get('/')
        await promise
        wire.socket.destroy()
        await world.events.until(kept ? 'attempt:end' : 'task:dropped')
        assert.deepEqual(world.log, kept ? ['task'] : [])
      })
    }

    test('a client that goes away during a streamed answer: its tasks run', async (t) => {
      const world = await open(t, ({ note }) => ({
        handle({ tasks, response }) {
          tasks.add(note, { text: 'task' })
          return { stream: until(response) }
        },
      }))
      const wire = (await world.wire()).get('/')
      await wire.until(/first/)
      wire.socket.destroy()
      await world.events.until('attempt:end')
      assert.deepEqual(world.log, ['task'])
    })

    test('HEAD is answered without a body, and its tasks are kept', async (t) => {
      const world = await open(t, ({ note }) => ({
        handle({ tasks }) {
          tasks.add(note, { text: 'task' })
          return { body: 'body' }
        },
      }))
      const wire = (await world.wire()).send('HEAD / HTTP/1.1', 'Host: x', 'Connection: close')
      assert.match(await wire.end(), /^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/)
      await world.events.until('attempt:end')
      assert.deepEqual(world.log, ['task'])
    })
  })

  describe(`${name}: the end of the application`, () => {
    test('idle connections, and those on which no request ever came, are closed and hold nothing up', async (t) => {
      const world = await open(t, () => ({ handle: () => ({ body: 'x' }) }))
      const unusedEarly = await world.accepted()
      const idle = (await world.wire()).get('/')
      await idle.answer()
      const unusedLate = await world.accepted()
      await world.close()
      assert.deepEqual(await Promise.all([unusedEarly, idle, unusedLate].map((wire) => wire.end())), ['', '', ''])
    })

    test('such connections are closed also when the application never had a request', async (t) => {
      const world = await open(t, () => ({ handle: () => ({ body: 'x' }) }))
      const wire = await world.accepted()
      await world.close()
      assert.equal(await wire.end(), '')
    })

    test('such connections do not outlast a request that was in flight by then, though it was the first of all', async (t) => {
      const arrived = Promise.withResolvers<void>()
      const answerNow = Promise.withResolvers<void>()
      const world = await open(t, () => ({
        async handle() {
          arrived.resolve()
          await answerNow.promise
          return { body: 'x' }
        },
      }))
      const unused = await world.accepted()
      const wire = (await world.wire()).get('/')
      await arrived.promise
      const closed = world.close()
      await world.refuses()
      answerNow.resolve()
      assert.equal((await wire.answer()).status, 200)
      await closed
      assert.equal(await unused.end(), '')
    })

    test('a request whose head is still arriving gets an answer, which closes its connection', async (t) => {
      const world = await open(t, () => ({ handle: () => ({ body: 'x' }) }))
      await world.get('/')
      const wire = await world.beginning('GET / HTTP/1.1\r\n')
      const closed = world.close()
      await world.refuses()
      wire.send('Host: x')
      const { status, headers } = await wire.answer()
      // Fastify refuses by then what it had not begun; the others answer.
      assert.match(`${status} ${headers['connection']}`, /^(200|503) close$/)
      await closed
    })

    test('a task that runs is waited for', async (t) => {
      const world = await open(t, ({ wait }) => ({
        handle({ tasks }) {
          tasks.add(wait, { text: 'task' })
          return {}
        },
      }))
      await world.get('/')
      await world.events.until('attempt:start')
      const closed = world.close()
      await world.refuses()
      world.release()
      await closed
      assert.deepEqual(world.log, ['task', 'task over'])
    })

    test('a request in flight is answered and its task stored, and its connection is closed', async (t) => {
      const store = `sqlite:${databaseFile(t)}`
      const arrived = Promise.withResolvers<void>()
      const answerNow = Promise.withResolvers<void>()
      const world = await open(
        t,
        ({ note }) => ({
          async handle({ tasks }) {
            arrived.resolve()
            await answerNow.promise
            return { body: tasks.add(note, { text: 'task' }).id }
          },
        }),
        { store },
      )
      const wire = (await world.wire()).get('/')
      await arrived.promise
      const closed = world.close()
      await world.refuses()
      answerNow.resolve()
      const { status, body: id, headers } = await wire.answer()
      assert.deepEqual([status, headers['connection']], [200, 'close'])
      await closed

      const next = createBackground({ store, works: false })
      later(t).defer(async () => void (await next.stop()))
      await next.start()
      assert.notEqual(await next.get(id), undefined)
    })
  })
}

/** A body that goes on until the client has gone. */
async function* until(response: ServerResponse): AsyncGenerator<string> {
  yield 'first'
  if (!response.destroyed) await new Promise((gone) => response.once('close', gone))
}
