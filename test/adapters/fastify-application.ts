import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { fastifyTasks } from '../../src/adapters/fastify.ts'
import type { BackgroundOptions } from '../../src/background-options.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import { portOf, Wire } from '../http/wire.ts'
import { bench, later } from '../support/bench.ts'
import { serveFastify } from './serve-fastify.ts'
import { type Plan, World } from './world.ts'

/** An application of the suite on Fastify. */
export const open = (t: TestContext, plan: (world: World) => Plan, options?: BackgroundOptions): Promise<World> =>
  World.open(t, serveFastify, plan, options)

/** A bare application for rows that want Fastify itself. */
export async function application(
  t: TestContext,
  tasks: readonly AnyTaskDefinition[],
  routes: (app: FastifyInstance) => void,
  options: BackgroundOptions = {},
) {
  const made = bench(t, { tasks, ...options })
  const app = Fastify()
  later(t).defer(() => app.close())
  await app.register(fastifyTasks, { background: made.background })
  routes(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { ...made, app, wire: () => Wire.open(t, portOf(app.server)) }
}
