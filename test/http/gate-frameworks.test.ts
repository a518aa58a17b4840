/**
 * Goal: no framework and no middleware notices the gate, whatever it has captured before. Method: each answer is served
 * by the real framework with tasks that are stored a turn later, with tasks that cannot be stored, and without tasks;
 * the first and the last must look alike to the client. The list of tasks is made in the handler, after all middleware.
 */
import assert from 'node:assert/strict'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import compression from 'compression'
import express from 'express'
import session from 'express-session'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import Koa from 'koa'
import { gateResponse, installGate, type NodeResponse } from '../../src/http/gate.ts'
import { storeFull, tasksFailingSoon, tasksStoredSoon } from './held-tasks.ts'
import { answer, portOf, serve } from './wire.ts'

type Gate = (response: NodeResponse) => void
type Listener = (req: IncomingMessage, res: ServerResponse) => unknown
type App = (gate: Gate) => Listener | Promise<Listener>

const THIS_FILE = fileURLToPath(import.meta.url)
installGate()

const compress = compression({ threshold: 0 })
const sessions = session({ secret: 'x', resave: true, saveUninitialized: true, genid: () => 'the-same' })

function expressApp(...middleware: express.RequestHandler[]): App {
  return (gate) => {
    const app = express()
    for (const each of middleware) app.use(each)
    app.use((_req, res, next) => {
      gate(res)
      next()
    })
    app.get('/send', (_req, res) => void res.send('hi'.repeat(500)))
    app.get('/json', (_req, res) => void res.status(201).json({ a: 1 }))
    app.get('/status', (_req, res) => void res.sendStatus(202))
    app.get('/redirect', (_req, res) => res.redirect('/there'))
    app.get('/parts', (_req, res) => {
      res.write('a')
      res.write('b')
      res.end('c')
    })
    app.get('/head', (_req, res) => void res.writeHead(201, { 'x-a': '1' }).end('c'))
    app.get('/pipe', (_req, res) => void Readable.from(['s1', 's2', 's3']).pipe(res))
    app.get('/file', (_req, res) => res.sendFile(THIS_FILE, { lastModified: false }))
    app.get('/missing', (_req, res) => res.sendFile(`${THIS_FILE}.not`))
    app.get('/sse', (_req, res) => {
      res.setHeader('content-type', 'text/event-stream')
      res.flushHeaders()
      res.write('data: 1\n\n')
      res.end('data: 2\n\n')
    })
    app.get('/throw', () => {
      throw Object.assign(new Error('boom'), { expose: false })
    })
    app.use(((error: Error, _req, res, next) => {
      if (res.headersSent) return next(error)
      res.status(500).json({ error: error.message.slice(0, 6) })
    }) as express.ErrorRequestHandler)
    return app
  }
}

const koaApp: App = (gate) => {
  const app = new Koa()
  app.silent = true
  app.use((ctx) => {
    gate(ctx.res)
    switch (ctx.path) {
      case '/json':
        ctx.body = { a: 1 }
        break
      case '/stream':
        ctx.body = Readable.from(['a', 'b'])
        break
      case '/bad':
        ctx.throw(400, 'bad')
        break
      case '/by-hand':
        ctx.respond = false
        ctx.res.end('raw')
        break
      case '/flush':
        ctx.status = 200
        ctx.flushHeaders()
        ctx.body = Readable.from(['data: 1\n\n'])
        break
      case '/nothing':
        ctx.status = 204
        break
      default:
    }
  })
  return app.callback()
}

const honoApp: App = (gate) => {
  const app = new Hono<{ Bindings: { outgoing: ServerResponse } }>()
  app.use(async (c, next) => {
    gate(c.env.outgoing)
    await next()
  })
  app.get('/json', (c) => c.json({ a: 1 }))
  app.get('/later', async (c) => c.text(await Promise.resolve('x'), 201))
  app.get('/body', () => new Response(new Blob(['blob']).stream()))
  app.get('/stream', (c) =>
    stream(c, async (out) => {
      await out.write('one')
      await out.write('two')
    }),
  )
  app.get('/throw', () => {
    throw new Error('boom')
  })
  app.onError((error, c) => c.text(error.message, 500))
  return getRequestListener(app.fetch)
}

const fastifyApp: App = async (gate) => {
  const app = Fastify()
  app.addHook('onRequest', (_request, reply, done) => {
    gate(reply.raw)
    done()
  })
  app.get('/json', async () => ({ a: 1 }))
  app.get('/send', (_request, reply) => void reply.code(201).send('x'))
  app.get('/nothing', (_request, reply) => void reply.code(204).send())
  app.get('/stream', (_request, reply) => reply.send(Readable.from(['a', 'b'])))
  app.get('/web', (_request, reply) => reply.send(new Response('web', { status: 201 })))
  app.get('/throw', async () => {
    throw new Error('boom')
  })
  app.get('/hijack', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { x: 'y' })
    reply.raw.end('by hand')
  })
  app.get('/raw', async (_request, reply) => {
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.raw.write('data: 1\n\n')
    await Promise.resolve()
    reply.raw.end()
    return reply
  })
  await app.ready()
  return (req, res) => app.routing(req, res)
}

const expressPaths = 'send json status redirect parts head pipe file missing sse throw nope'
const APPS: Record<string, [app: App, paths: string]> = {
  Express: [expressApp(), expressPaths],
  'Express with compression': [expressApp(compress), expressPaths],
  'Express with sessions': [expressApp(sessions), expressPaths],
  'Express with compression, then sessions': [expressApp(compress, sessions), expressPaths],
  'Express with sessions, then compression': [expressApp(sessions, compress), expressPaths],
  Koa: [koaApp, 'json stream bad by-hand flush nothing nope'],
  'Hono on Node': [honoApp, 'json later body stream throw nope'],
  Fastify: [fastifyApp, 'json send nothing stream web throw hijack raw nope'],
}

async function serveApp(t: TestContext, app: App, gate: Gate): Promise<Server> {
  const listener = await app(gate)
  return serve(t, (req, res) => void listener(req, res))
}

for (const [name, [app, paths]] of Object.entries(APPS)) {
  describe(`${name} behind a gate`, () => {
    for (const path of paths.split(' ')) {
      it(`answers /${path} as without one`, async (t) => {
        const lines = [`GET /${path} HTTP/1.1`, 'Host: x', 'Accept-Encoding: gzip']
        const bare = await serveApp(t, app, () => undefined)
        const gated = await serveApp(t, app, (response) => gateResponse(response, tasksStoredSoon()))
        assert.equal(await answer(t, portOf(gated), ...lines), await answer(t, portOf(bare), ...lines))
      })

      it(`refuses /${path} when its tasks cannot be stored`, async (t) => {
        const server = await serveApp(t, app, (response) => gateResponse(response, tasksFailingSoon(storeFull())))
        const text = await answer(t, portOf(server), `GET /${path} HTTP/1.1`, 'Host: x', 'Accept-Encoding: gzip')
        assert.match(text, /^HTTP\/1.1 503 [^]*\r\nretry-after: 10\r\n[^]*\r\n\r\n\{"error":"STORE_FULL",[^}]*\}$/)
      })
    }
  })
}
