/**
 * A server whose tasks never end by themselves; its parent decides how it dies. Arguments: the store, and how long a
 * stop waits. `/` adds one such task; `/exit` adds one that ends the process, `/hold` one that never lets go of the loop.
 */
import Fastify from 'fastify'
import { fastifyTasks } from '../../../src/adapters/fastify.ts'
import { createBackground } from '../../../src/background.ts'
import { defineTask } from '../../../src/define-task.ts'
import type { Duration } from '../../../src/model/duration.ts'
import { portOf } from '../../http/wire.ts'
import { SILENT, untilAborted } from '../../support/bench.ts'

const mail = defineTask({ name: 'mail', run: (_: number, { signal }) => untilAborted(signal) })
const exit = defineTask({ name: 'exit', queue: 'others', run: () => process.exit(7) })
const hold = defineTask({
  name: 'hold',
  queue: 'others',
  run: () => {
    process.send?.('held')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
})
const background = createBackground({
  store: process.argv[2] ?? '',
  tasks: [mail, exit, hold],
  concurrency: 5,
  grace: (process.argv[3] ?? 0) as Duration,
  logger: SILENT,
})
const app = Fastify()
await app.register(fastifyTasks, { background })
let added = 0
/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits them. */
app.get('/', async (request) => request.tasks.add(mail, ++added).id)
app.get('/exit', async (request) => request.tasks.add(exit).id)
app.get('/hold', async (request) => request.tasks.add(hold).id)
await app.listen({ port: 0, host: '127.0.0.1' })
background.handleSignals({ close: () => app.close() })
process.send?.(portOf(app.server))
