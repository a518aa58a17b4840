/** A server whose background nobody started, and whose first answer takes hold of `response.end` before it adds its task. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { nodeTasks } from '../../../src/adapters/node.ts'
import { createBackground, defineTask } from '../../../src/index.ts'
import { portOf } from '../../http/wire.ts'

const noop = defineTask({ name: 'noop', run: () => undefined })
const background = createBackground({ store: 'memory:', tasks: [noop] })
const server = createServer(nodeTasks(background, (_, response, tasks) => response.end(tasks.add(noop).id)))
await once(server.listen(0, '127.0.0.1'), 'listening')
const id = await (await fetch(`http://127.0.0.1:${portOf(server)}`, { headers: { connection: 'close' } })).text()
process.send?.((await background.get(id)) !== undefined)
server.close()
await background.stop()
process.disconnect()
