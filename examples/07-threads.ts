import { once } from 'node:events'
/** Work that computes runs in a thread, beside the event loop: the process answers while it counts. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBackground } from 'afterword'
import { countPrimes } from './threads/count-primes.ts'

const background = createBackground({ store: 'memory:', tasks: [countPrimes], threads: 2 })
const server = createServer((_, response) => response.end('pong'))
await once(server.listen(0), 'listening')

const counting = await background.add(countPrimes, 1_000_000)
const { port } = server.address() as AddressInfo
const answer = await fetch(`http://127.0.0.1:${port}/`)
console.log(await answer.text())
console.log(await background.result(counting), 'primes')

server.close()
server.closeAllConnections()
await background.stop()

// Prints:
//   pong
//   78498 primes
