/** `/healthz` and `/readyz` with each framework: the line that docs/frameworks.md names, asked over a real connection. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { expressTasks } from '../../src/adapters/express.ts'
import { fastifyTasks } from '../../src/adapters/fastify.ts'
import { honoTasks } from '../../src/adapters/hono.ts'
import { koaTasks } from '../../src/adapters/koa.ts'
import { AfterwordModule } from '../../src/adapters/nestjs.ts'
import { nodeTasks } from '../../src/adapters/node.ts'
import type { Background } from '../../src/background.ts'
import { healthAnswer, healthHandler } from '../../src/health-handler.ts'
import { portOf, serve } from '../http/wire.ts'
import { bench, later } from '../support/bench.ts'

/** Serves an application that answers "app" to everything else; gives its port. */
type Open = (t: TestContext, background: Background) => Promise<number>

const FRAMEWORKS: Readonly<Record<string, Open>> = {
  async 'node:http'(t, background) {
    const health = healthHandler(background)
    const app = nodeTasks(background, (_, response) => response.end('app'))
    return portOf(await serve(t, (request, response) => void (health(request, response) || app(request, response))))
  },
  async Express(t, background) {
    const app = express()
    app.use(healthHandler(background), expressTasks(background))
    app.use((_, res) => void res.send('app'))
    return portOf(await serve(t, app))
  },
  async Koa(t, background) {
    const app = new Koa()
    const health = healthHandler(background)
    app.use((ctx, next) => (health(ctx.req, ctx.res) ? void (ctx.respond = false) : next()))
    app.use(koaTasks(background))
    app.use((ctx) => void (ctx.body = 'app'))
    const listener = app.callback()
    return portOf(await serve(t, (request, response) => void listener(request, response)))
  },
  async Hono(t, background) {
    const app = new Hono()
    for (const path of ['/healthz', '/readyz'] as const) {
      app.get(path, async () => {
        const answer = await healthAnswer(background, path)
        return new Response(answer.body, answer)
      })
    }
    app.use(honoTasks(background))
    app.all('*', (c) => c.text('app'))
    const listener = getRequestListener(app.fetch)
    return portOf(await serve(t, (request, response) => void listener(request, response)))
  },
  async Fastify(t, background) {
    const app = Fastify()
    later(t).defer(() => app.close())
    await app.register(fastifyTasks, { background, health: true })
    app.all('*', (_, reply) => void reply.send('app'))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return portOf(app.server)
  },
  async NestJS(t, background) {
    // oxlint-disable-next-line typescript/no-extraneous-class -- what Nest calls a module.
    class App {}
    const module = { module: App, imports: [AfterwordModule.forRoot({ background })] }
    const app = await NestFactory.create(module, new ExpressAdapter(), { logger: false })
    app.use(healthHandler(background))
    app.use((_: unknown, response: { end(body: string): void }) => response.end('app'))
    later(t).defer(() => app.close())
    await app.listen(0, '127.0.0.1')
    return portOf(app.getHttpServer() as Parameters<typeof portOf>[0])
  },
}

for (const [name, open] of Object.entries(FRAMEWORKS)) {
  describe(`${name}: health`, () => {
    async function asked(t: TestContext) {
      const { background } = bench(t)
      const port = await open(t, background)
      return { background, ask: (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method }) }
    }

    it('is 200 at /healthz and at /readyz while all is well, and nobody may keep the answer', async (t) => {
      const { ask } = await asked(t)
      for (const [path, body] of [
        ['/healthz', { live: true }],
        ['/readyz?verbose', { ready: true, reasons: [] }],
      ] as const) {
        const answer = await ask(path)
        assert.equal(answer.status, 200)
        assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        assert.deepEqual(await answer.json(), body)
      }
    })

    it('is 503 with the reasons at /readyz from the moment the background drains, and 200 at /healthz still', async (t) => {
      const { ask, background } = await asked(t)
      await background.start()
      background.drain()
      const answer = await ask('/readyz')
      const { ready, reasons } = (await answer.json()) as {
        ready: boolean
        reasons: { reason: string; text: string }[]
      }
      assert.deepEqual([answer.status, ready, reasons.map(({ reason }) => reason)], [503, false, ['draining']])
      assert.equal((await ask('/healthz')).status, 200)
    })

    it('answers HEAD without a body, and leaves other methods and paths to the application', async (t) => {
      const { ask } = await asked(t)
      const head = await ask('/readyz', 'HEAD')
      assert.deepEqual([head.status, await head.text()], [200, ''])
      assert.ok(Number(head.headers.get('content-length')) > 0)
      for (const [path, method] of [
        ['/readyz', 'POST'],
        ['/readyz/more', 'GET'],
        ['/', 'GET'],
      ] as const) {
        assert.equal(await (await ask(path, method)).text(), 'app')
      }
    })
  })
}

describe('the answer about health', () => {
  it('is 503 at both places when only a restart helps', async () => {
    const background = { live: false, readiness: async () => ({ ready: false, live: false, reasons: [] }) }
    for (const path of ['/healthz', '/readyz'] as const) {
      assert.equal((await healthAnswer(background as unknown as Background, path)).status, 503)
    }
  })

  it('is not given where somebody else has answered meanwhile', async (t) => {
    const { background } = bench(t)
    const health = healthHandler(background)
    const asked = Promise.withResolvers<unknown>()
    const server = await serve(t, (request, response) => {
      health(request, response)
      response.writeHead(503).end('too late')
      asked.resolve(background.readiness())
    })
    const answer = await fetch(`http://127.0.0.1:${portOf(server)}/readyz`)
    assert.deepEqual([answer.status, await answer.text()], [503, 'too late'])
    // What would be thrown now would be thrown into nobody's hands, and fail this test.
    await asked.promise
  })

  it('is given to a client that has gone away without an error', async (t) => {
    const { background } = bench(t)
    const health = healthHandler(background)
    const over = Promise.withResolvers<void>()
    const server = createServer((request, response) => {
      response.once('close', () => over.resolve())
      request.socket.destroy()
      health(request, response)
    })
    later(t).defer(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await assert.rejects(fetch(`http://127.0.0.1:${portOf(server)}/readyz`))
    await over.promise
    assert.equal((await background.readiness()).ready, true)
  })
})
