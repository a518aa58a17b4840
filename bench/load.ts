/**
 * A load generator: keep-alive connections, one request under way on each, over plain sockets. It does so little per
 * request that the server on the other core stays the bottleneck; `wrk` gives the same figures within the noise.
 */
import { connect, type Socket } from 'node:net'
import { answer } from './child.ts'
import { percentile } from './report.ts'

/** What to do. */
export interface LoadOrder {
  readonly port: number
  readonly connections: number
  readonly ms: number
}

/** What came of it. */
export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were not 200, and connections that broke. */
  readonly failed: number
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
const STATUS_200 = Buffer.from('HTTP/1.1 200 ')

function load({ port, connections, ms }: LoadOrder): Promise<LoadResult> {
  const latencies: number[] = []
  const begun = performance.now()
  let failed = 0
  let open = connections
  return new Promise((resolve) => {
    const finish = (): void => {
      if (--open > 0) return
      const seconds = (performance.now() - begun) / 1000
      const sorted = Float64Array.from(latencies).sort()
      const [p50Ms, p99Ms] = [percentile(sorted, 0.5), percentile(sorted, 0.99)]
      resolve({ requests: latencies.length, perSecond: latencies.length / seconds, p50Ms, p99Ms, failed })
    }
    for (let i = 0; i < connections; i++) {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      drive(socket, begun + ms, latencies, () => failed++)
      socket.once('close', finish)
    }
  })
}

/** One connection: the length of the first answer is read from its head, the others are as long. */
function drive(socket: Socket, untilMs: number, latencies: number[], fail: () => void): void {
  let sentMs = 0
  let length = 0
  let got = 0
  const send = (): void => {
    sentMs = performance.now()
    socket.write(REQUEST)
  }
  socket.on('connect', send)
  socket.on('error', fail)
  socket.on('data', (chunk) => {
    if (got === 0 && chunk.compare(STATUS_200, 0, STATUS_200.length, 0, STATUS_200.length) !== 0) {
      fail()
      socket.destroy()
      return
    }
    if (length === 0) length = answerLength(chunk)
    got += chunk.length
    if (got < length) return
    got = 0
    const now = performance.now()
    latencies.push(now - sentMs)
    if (now < untilMs) send()
    else socket.end()
  })
}

function answerLength(chunk: Buffer): number {
  const text = chunk.toString('latin1')
  const body = Number(/content-length: (\d+)/i.exec(text)?.[1])
  const head = text.indexOf('\r\n\r\n')
  if (head < 0 || Number.isNaN(body)) throw new Error('The first answer came in pieces or without a length.')
  return head + 4 + body
}

answer({}, load)
