import { ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { carriedBy } from './carried.ts'
import { closeUnusedWith } from './unused-connections.ts'

const INSTALLED = Symbol.for('afterword.draining.2.installed')

/**
 * From the moment a shutdown begins, every answer that a background looks after says `Connection: close`, also when its
 * request was in flight by then. Without it a connection that becomes idle during a shutdown holds `server.close()` for
 * the server's whole keep-alive time: 72 seconds in Fastify, longer than every process manager waits.
 *
 * Prepares `http.ServerResponse.prototype` for that, once per process. HTTP/2 has no such header; its sessions say
 * goodbye by themselves.
 */
export function installConnectionClose(): void {
  const prototype = ServerResponse.prototype as unknown as Record<
    'writeHead' | 'writeHeader',
    (...args: unknown[]) => unknown
  >
  if (Object.hasOwn(prototype, INSTALLED)) return
  Object.defineProperty(prototype, INSTALLED, { value: true })
  const { writeHead } = prototype
  prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    if (shouldClose(this)) this.shouldKeepAlive = false
    return writeHead.apply(this, args)
  }
  // Node's own alias of it, which Node 26 does not have any more.
  if ('writeHeader' in prototype) prototype.writeHeader = prototype.writeHead
}

function shouldClose(response: ServerResponse): boolean {
  const first = carriedBy(response)
  if (first === undefined) return false
  const { server } = (response.req.socket ?? {}) as { server?: Server }
  if (server !== undefined) closeUnusedWith(server)
  for (let carried: typeof first | undefined = first; carried !== undefined; carried = carried.next) {
    if (carried.owner.draining) return true
  }
  // It was told to close, whether or not the background knows.
  return server !== undefined && !server.listening
}
