import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import Koa from 'koa'
import { koaTasks } from '../../src/adapters/koa.ts'
import { portOf } from '../http/wire.ts'
import { adapterConformance, KNOWN_BY_REQUEST } from './conformance.ts'
import type { Serve } from './world.ts'

const serveKoa: Serve = async ({ background, before, handle, onError }) => {
  const app = new Koa()
  app.silent = true
  app.use(koaTasks(background))
  app.use(async (_ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!onError(error)) throw error
    }
  })
  app.use(async (ctx) => {
    for await (const _ of ctx.req);
    const call = { path: ctx.path, tasks: ctx.tasks, response: ctx.res }
    before(call)
    const { status = 200, headers = {}, body, stream } = await handle(call)
    ctx.status = status
    ctx.set(headers)
    ctx.body = stream === undefined ? body : Readable.from(stream)
    ctx.status = status
  })
  const handler = app.callback()
  const server = createServer((req, res) => void handler(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server),
    async close() {
      await new Promise((closed) => server.close(closed))
      await background.stop()
    },
  }
}

adapterConformance('Koa', serveKoa, KNOWN_BY_REQUEST)
