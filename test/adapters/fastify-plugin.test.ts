/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits them. */
/** What is Fastify's alone: its ways around the hooks, `inject()`, and the life of the plugin. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { fastifyTasks } from '../../src/adapters/fastify.ts'
import { createBackground } from '../../src/background.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { defineTask } from '../../src/define-task.ts'
import { portOf, Wire } from '../http/wire.ts'
import { type Bench, bench, folder, later } from '../support/bench.ts'
import { FullStore, storeBehind } from './world.ts'

const note = defineTask({ name: 'note', run: (_: string) => undefined })

/** An application with the plugin, and its background. */
async function application(
  t: TestContext,
  options: Parameters<typeof bench>[1] = {},
): Promise<Bench & { app: FastifyInstance }> {
  const made = bench(t, { tasks: [note], ...options })
  const app = Fastify()
  later(t).defer(() => app.close())
  await app.register(fastifyTasks, { background: made.background })
  return { ...made, app }
}

async function listen(t: TestContext, app: FastifyInstance): Promise<Wire> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return Wire.open(t, portOf(app.server))
}

/** A store that writes when the test says so, and what the client had by then. */
function heldStore() {
  const room = Promise.withResolvers<void>()
  const writing = Promise.withResolvers<void>()
  const store = storeBehind(async (next) => {
    writing.resolve()
    await room.promise
    return next()
  })
  return { store, writing: writing.promise, release: () => room.resolve() }
}

describe('Fastify: ways to answer around its hooks', () => {
  const handlers: Record<string, (request: FastifyRequest, reply: FastifyReply) => unknown> = {
    'reply.hijack()': (request, reply) => {
      request.tasks.add(note, 'x')
      reply.hijack()
      reply.raw.writeHead(200, { 'content-length': 2 })
      reply.raw.end('ok')
    },
    'reply.raw': async (request, reply) => {
      request.tasks.add(note, 'x')
      reply.raw.writeHead(200, { 'content-length': 2 })
      reply.raw.write('o')
      await Promise.resolve()
      reply.raw.end('k')
      return reply
    },
    'a reply that is sent and not returned': async (request, reply) => {
      request.tasks.add(note, 'x')
      void reply.send('ok')
    },
    'a reply that is sent, and another value returned': async (request, reply) => {
      request.tasks.add(note, 'x')
      void reply.send('ok')
      await Promise.resolve()
      return 'ignored'
    },
    'a web Response': async (request) => {
      request.tasks.add(note, 'x')
      return new Response('ok', { headers: { 'content-length': '2' } })
    },
  }
  for (const [name, handler] of Object.entries(handlers)) {
    it(`${name}: the tasks are stored before the head leaves, and there is one answer`, async (t) => {
      const { store, writing, release } = heldStore()
      const { app, until } = await application(t, { store })
      app.get('/', handler)
      app.get('/next', async () => 'next')
      const wire = (await listen(t, app)).get('/')
      await writing
      assert.equal(wire.text, '')
      release()
      assert.equal((await wire.answer()).body, 'ok')
      await until('attempt:end')
      assert.equal((await wire.get('/next').answer()).body, 'next')
    })
  }

  it('a task added in an onSend hook of the route, or of a later plugin, is stored before the head leaves', async (t) => {
    const { store, writing, release } = heldStore()
    const { app, until } = await application(t, { store })
    app.addHook('onSend', async (request) => void request.tasks.add(note, 'later plugin'))
    app.get('/', { onSend: async (request) => void request.tasks.add(note, 'route') }, async () => 'ok')
    const wire = (await listen(t, app)).get('/')
    await writing
    assert.equal(wire.text, '')
    release()
    assert.equal((await wire.answer()).body, 'ok')
    await until('attempt:end')
    await until('attempt:end')
  })

  it('a header that Node refuses drops the tasks with the error that it makes of the answer', async (t) => {
    const { app, until } = await application(t)
    app.get('/', async (request, reply) => {
      request.tasks.add(note, 'x')
      return reply.header('x-name', 'two\nlines').send('ok')
    })
    app.setErrorHandler((error: NodeJS.ErrnoException, _request, reply) =>
      reply.removeHeader('x-name').code(500).send(error.code),
    )
    const wire = (await listen(t, app)).get('/')
    const { status, body } = await wire.answer()
    assert.deepEqual([status, body], [500, 'ERR_INVALID_CHAR'])
    assert.equal((await until('task:dropped')).status, 500)
  })

  it('an onSend hook that turns the answer into an error drops the tasks', async (t) => {
    const { app, until } = await application(t)
    const fail = async (): Promise<void> => {
      throw new Error('this hook fails')
    }
    app.get('/', { onSend: fail }, async (request) => request.tasks.add(note, 'x').id)
    const wire = (await listen(t, app)).get('/')
    assert.equal((await wire.answer()).status, 500)
    assert.equal((await until('task:dropped')).status, 500)
  })

  it('a stream that fails before its first byte drops the tasks', async (t) => {
    const { app, until } = await application(t)
    app.get('/', async (request, reply) => {
      request.tasks.add(note, 'x')
      return reply.send(
        new Readable({
          read() {
            this.destroy(new Error('no such file'))
          },
        }),
      )
    })
    const wire = (await listen(t, app)).get('/')
    assert.equal((await wire.answer()).status, 500)
    assert.equal((await until('task:dropped')).status, 500)
  })

  it('a hook that adds and a schema that refuses: the tasks are dropped with the 400', async (t) => {
    const { app, until } = await application(t)
    app.addHook('onRequest', async (request) => void request.tasks.add(note, 'x'))
    app.post('/', { schema: { body: { type: 'object', required: ['name'] } } }, async () => 'never')
    await app.ready()
    assert.equal((await app.inject({ method: 'POST', url: '/', payload: {} })).statusCode, 400)
    assert.equal((await until('task:dropped')).status, 400)
  })

  it('a request for nothing that exists has a task list too', async (t) => {
    const { app, until } = await application(t)
    app.setNotFoundHandler(async (request, reply) => {
      currentTasks().add(note, 'x', { on: 'error' })
      assert.equal(request.tasks, currentTasks())
      return reply.code(404).send('none')
    })
    const wire = (await listen(t, app)).get('/nothing')
    assert.equal((await wire.answer()).status, 404)
    await until('attempt:end')
  })
})

describe('Fastify over HTTP/2', () => {
  it('stores the tasks before the head leaves', async (t) => {
    const { store, writing, release } = heldStore()
    const { background, until } = bench(t, { tasks: [note], store })
    const app = Fastify({ http2: true })
    later(t).defer(() => app.close())
    await app.register(fastifyTasks, { background })
    app.get('/', async (request) => request.tasks.add(note, 'x').id)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const client = connect(`http://127.0.0.1:${portOf(app.server)}`)
    later(t).defer(() => client.destroy())
    const request = client.request({ ':path': '/' })
    let isAnswered = false
    request.once('response', () => (isAnswered = true))
    await writing
    await new Promise((resolve) => client.ping(resolve))
    assert.equal(isAnswered, false)
    release()
    await once(request, 'response')
    request.resume()
    await until('attempt:end')
  })
})

describe('Fastify: inject()', () => {
  it('gives the answer when the tasks are stored', async (t) => {
    const { app, row } = await application(t)
    app.get('/', async (request) => request.tasks.add(note, 'x').id)
    const { statusCode, body: id } = await app.inject('/')
    assert.equal(statusCode, 200)
    assert.equal((await row(id)).name, 'note')
  })

  it('gives a store that fails to the error handler of the application', async (t) => {
    const { app } = await application(t, { store: new FullStore().store })
    const seen: unknown[] = []
    app.setErrorHandler((error: NodeJS.ErrnoException, _request, reply) => {
      seen.push(error.code)
      return reply.send(error)
    })
    app.get('/', async (request) => request.tasks.add(note, 'x').id)
    const { statusCode, headers, json } = await app.inject('/')
    assert.deepEqual([statusCode, headers['retry-after'], json().code], [503, '10', 'STORE_FULL'])
    assert.deepEqual(seen, ['STORE_FULL'])
  })

  it('an error handler that answers such a failure with success is not believed', async (t) => {
    const { app } = await application(t, { store: new FullStore().store })
    app.setErrorHandler((_error, _request, reply) => reply.code(200).send('all is well'))
    app.get('/', async (request) => request.tasks.add(note, 'x').id)
    const wire = (await listen(t, app)).get('/')
    assert.equal((await wire.answer()).status, 503)
  })
})

describe('Fastify: the life of the plugin', () => {
  it('reaches plugins that are registered after it, and routes that were there before', async (t) => {
    const { background, until } = bench(t, { tasks: [note] })
    const app = Fastify()
    later(t).defer(() => app.close())
    app.get('/before', async (request) => request.tasks.add(note, 'x').id)
    app.register(fastifyTasks, { background })
    app.register(async (child) => {
      child.get('/child', async (request) => request.tasks.add(note, 'x').id)
    })
    for (const path of ['/before', '/child']) {
      const { statusCode, body } = await app.inject(path)
      assert.equal(statusCode, 200)
      await until('attempt:end', body)
    }
  })

  it('a store that cannot be opened fails the start with its code', async (t) => {
    const background = createBackground({ store: `sqlite:${folder(t)}` })
    const app = Fastify()
    await app.register(fastifyTasks, { background })
    await assert.rejects(async () => app.listen({ port: 0, host: '127.0.0.1' }), { name: 'AfterwordError' })
    await app.close()
  })

  it('close() stops the background after the last request, and before hooks that were registered earlier', async (t) => {
    const order: string[] = []
    const { background } = bench(t, { tasks: [note] })
    const app = Fastify()
    app.addHook('onClose', async () => void order.push(background.draining ? 'database closed' : 'too early'))
    await app.register(fastifyTasks, { background })
    background.on('stopped', () => order.push('background stopped'))
    app.get('/', async (request) => {
      await Promise.resolve()
      order.push('answered')
      return request.tasks.add(note, 'x').id
    })
    const wire = await listen(t, app)
    await wire.get('/').answer()
    await app.close()
    assert.deepEqual(order, ['answered', 'background stopped', 'database closed'])
  })

  it('outside of a request there is no task list', async (t) => {
    const { app } = await application(t)
    await app.ready()
    assert.throws(() => currentTasks(), { code: 'NO_RESPONSE' })
  })
})
