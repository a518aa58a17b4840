import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import express, { type ErrorRequestHandler } from 'express'
import { expressTasks } from '../../src/adapters/express.ts'
import { portOf } from '../http/wire.ts'
import { adapterConformance, KNOWN_BY_REQUEST } from './conformance.ts'
import type { Call, Serve } from './world.ts'

const serveExpress: Serve = async ({ background, before, handle, onError }) => {
  const app = express()
  app.set('env', 'test')
  const calls = new WeakMap<object, Call>()
  app.use(expressTasks(background))
  app.use(express.json())
  app.use((req, res, next) => {
    const call = { path: req.path, tasks: req.tasks, response: res }
    calls.set(req, call)
    before(call)
    next()
  })
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 takes their rejections.
  app.use(async (req, res) => {
    const { status = 200, headers = {}, body, stream } = await handle(calls.get(req) as Call)
    res.status(status).set(headers)
    if (stream === undefined) res.send(body)
    else Readable.from(stream).pipe(res)
  })
  app.use(((error, _req, _res, next) => {
    if (!onError(error)) next(error)
  }) satisfies ErrorRequestHandler)
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server),
    async close() {
      await new Promise((closed) => server.close(closed))
      await background.stop()
    },
  }
}

adapterConformance('Express', serveExpress, KNOWN_BY_REQUEST)
