import { Readable } from 'node:stream'
import Fastify from 'fastify'
import { fastifyTasks } from '../../src/adapters/fastify.ts'
import { portOf } from '../http/wire.ts'
import type { Call, Serve } from './world.ts'

/** Serves the suite's application with Fastify. */
export const serveFastify: Serve = async ({ background, before, handle, onError }) => {
  const app = Fastify()
  await app.register(fastifyTasks, { background })
  const calls = new WeakMap<object, Call>()
  app.addHook('preHandler', async (request, reply) => {
    const call = { path: request.url, tasks: request.tasks, response: reply.raw }
    calls.set(request, call)
    before(call)
  })
  app.setErrorHandler((error, _request, reply) => (onError(error) ? undefined : reply.send(error)))
  app.all('/*', async (request, reply) => {
    const { status = 200, headers = {}, body, stream } = await handle(calls.get(request) as Call)
    return reply
      .code(status)
      .headers(headers)
      .send(stream === undefined ? body : Readable.from(stream))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: portOf(app.server), close: () => app.close() }
}
