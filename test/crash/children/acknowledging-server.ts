/**
 * An HTTP server that adds tasks to its answers and runs them: `node acknowledging-server.ts <file> <notes>`.
 * `POST /<n>` adds a series of three notes and answers 201. It tells its port, and stops on SIGTERM.
 */
import { createServer } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { AddressInfo } from 'node:net'
import { nodeTasks } from '../../../src/adapters/node.ts'
import { createBackground } from '../../../src/index.ts'
import { SILENT } from '../../support/bench.ts'
import { note } from '../../support/definitions.ts'

const [file = '', notes = ''] = process.argv.slice(2)
const background = createBackground({ store: `sqlite:${file}`, tasks: [note], logger: SILENT, concurrency: 4 })
flushCompileCache()
await background.start()

const server = createServer(
  nodeTasks(background, (req, res, tasks) => {
    const n = Number(req.url?.slice(1))
    // Both ways to be durable are among the requests; a kill is survived by either.
    const durability = n % 2 === 0 ? 'power' : 'process'
    const ids = [0, 1, 2].map((step) => tasks.add(note, { file: notes, text: `${n}:${step}` }, { durability }).id)
    res.writeHead(201, { 'x-tasks': ids.join() }).end('kept')
  }),
)
background.handleSignals({
  close: () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    return closed
  },
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
