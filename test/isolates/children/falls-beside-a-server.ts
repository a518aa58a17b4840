/**
 * A server with a task that crashes natively: `node --stack-size=100000 falls-beside-a-server.ts`. A segmentation fault of its own
 * needs that much of a stack. Prints the code with which the attempt failed, and what the server says after it.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBackground } from '../../../src/background.ts'
import { falls } from './process-tasks.ts'

const server = createServer((_, response) => response.end('pong'))
await once(server.listen(0, '127.0.0.1'), 'listening')
const background = createBackground({ store: 'memory:', tasks: [falls] })
const failed = new Promise<string>((resolve) => {
  background.on('attempt:failed', ({ error }) => resolve(`${error?.code} ${error?.message.split('\n')[0]}`))
})
await background.add(falls, 'overflow')
process.stdout.write(`${await failed}\n`)
const { port } = server.address() as AddressInfo
process.stdout.write(await (await fetch(`http://127.0.0.1:${port}/`)).text())
server.closeAllConnections()
server.close()
await background.stop()
