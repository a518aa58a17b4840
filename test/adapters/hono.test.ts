import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { stream as streamed } from 'hono/streaming'
import { honoTasks, type TasksEnv } from '../../src/adapters/hono.ts'
import { portOf } from '../http/wire.ts'
import { adapterConformance, KNOWN_BY_REQUEST } from './conformance.ts'
import type { Call, Serve } from './world.ts'

const serveHono: Serve = async ({ background, before, handle, onError }) => {
  const app = new Hono<TasksEnv & { Bindings: { outgoing: ServerResponse }; Variables: { call: Call } }>()
  app.use(honoTasks(background))
  app.use(async (c, next) => {
    await c.req.arrayBuffer()
    const call = { path: c.req.path, tasks: c.var.tasks, response: c.env.outgoing }
    c.set('call', call)
    before(call)
    await next()
  })
  app.all('*', async (c) => {
    const { status = 200, headers = {}, body = '', stream } = await handle(c.var.call)
    for (const [name, value] of Object.entries(headers)) c.header(name, value)
    if (status === 204 || status === 304) return c.body(null, status)
    if (stream === undefined) return c.body(body, status as 200)
    c.status(status as 200)
    return streamed(c, async (out) => {
      for await (const part of stream) await out.write(part)
    })
  })
  app.onError((error, c) => {
    onError(error)
    return c.text('Internal Server Error', 500)
  })
  const listener = getRequestListener(app.fetch)
  const server = createServer((req, res) => void listener(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server),
    async close() {
      await new Promise((closed) => server.close(closed))
      await background.stop()
    },
  }
}

adapterConformance('Hono', serveHono, KNOWN_BY_REQUEST)
