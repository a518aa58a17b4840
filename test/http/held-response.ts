import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { gateResponse } from '../../src/http/gate.ts'
import { HeldTasks } from './held-tasks.ts'
import { portOf, serve, Wire } from './wire.ts'

/** Serves one gated request and waits until the gate holds its answer. */
export async function held(t: TestContext, handler: (response: ServerResponse) => void) {
  const tasks = new HeldTasks()
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  const server = await serve(t, (_, res) => {
    gateResponse(res, tasks)
    resolve(res)
    handler(res)
  })
  const wire = (await Wire.open(t, portOf(server))).get('/')
  const response = await promise
  const status = await tasks.settled
  return { tasks, server, wire, response, status }
}
