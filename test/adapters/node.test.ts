import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { attachTasks, nodeTasks } from '../../src/adapters/node.ts'
import { currentTasks } from '../../src/current-tasks.ts'
import { portOf } from '../http/wire.ts'
import { adapterConformance, KNOWN_BY_REQUEST } from './conformance.ts'
import type { Call, Reply, Serve, TestApp } from './world.ts'

async function answer({ before, handle }: TestApp, call: Call): Promise<void> {
  for await (const _ of call.response.req);
  before(call)
  send(call, await handle(call))
}

function send({ response }: Call, { status = 200, headers = {}, body, stream }: Reply): void {
  response.writeHead(status, headers)
  if (stream === undefined) response.end(body)
  else Readable.from(stream).pipe(response)
}

const serveNode: Serve = async (app) => {
  const server = createServer(
    nodeTasks(app.background, async (req, response, tasks) => {
      try {
        await answer(app, { path: req.url ?? '', tasks, response })
      } catch (error) {
        if (!app.onError(error)) throw error
      }
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server),
    async close() {
      await new Promise((closed) => server.close(closed))
      await app.background.stop()
    },
  }
}

const serveAttached: Serve = async (app) => {
  const server = createServer((req, response) => {
    const call = { path: req.url ?? '', tasks: currentTasks(), response }
    answer(app, call).catch(() => response.writeHead(500).end())
  })
  attachTasks(server, app.background)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server),
    async close() {
      await new Promise((closed) => server.close(closed))
      await app.background.stop()
    },
  }
}

// The handler's process warnings are part of the contract, not of this suite's output.
process.removeAllListeners('warning')
adapterConformance('node:http', serveNode, KNOWN_BY_REQUEST)
adapterConformance('a server with attachTasks', serveAttached, {
  'an add that is refused is a 503 with Retry-After, and nothing is kept':
    'what a bare handler throws is its own affair',
})
