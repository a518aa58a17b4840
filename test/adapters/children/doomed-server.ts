/** A server whose tasks never end by themselves; its parent decides how it dies. Arguments: the store. */
import Fastify from 'fastify'
import { fastifyTasks } from '../../../src/adapters/fastify.ts'
import { createBackground } from '../../../src/background.ts'
import { defineTask } from '../../../src/define-task.ts'
import { portOf } from '../../http/wire.ts'
import { SILENT, untilAborted } from '../../support/bench.ts'

const mail = defineTask({ name: 'mail', run: (_: number, { signal }) => untilAborted(signal) })
const background = createBackground({
  store: process.argv[2] ?? '',
  tasks: [mail],
  concurrency: 5,
  grace: 0,
  logger: SILENT,
})
const app = Fastify()
await app.register(fastifyTasks, { background })
let added = 0
// oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Fastify awaits it.
app.get('/', async (request) => request.tasks.add(mail, ++added).id)
await app.listen({ port: 0, host: '127.0.0.1' })
background.handleSignals({ close: () => app.close() })
process.send?.(portOf(app.server))
