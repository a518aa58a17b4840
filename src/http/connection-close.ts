import { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Server } from 'node:net'

/** What tells whether a shutdown has begun. */
export interface Draining {
  readonly draining: boolean
}

const DRAINING = Symbol.for('afterword.draining.1')
const INSTALLED = Symbol.for('afterword.draining.1.installed')

interface Watched {
  [DRAINING]?: Draining
}

/**
 * From the moment the shutdown begins the answer to this response says `Connection: close`, also when its request was
 * in flight by then. Without it a connection that becomes idle during a shutdown holds `server.close()` for the
 * server's whole keep-alive time: 72 seconds in Fastify, longer than every process manager waits.
 */
export function closeConnectionWhenDraining(
  response: ServerResponse | Http2ServerResponse,
  background: Draining,
): void {
  // HTTP/2 has no such header; its sessions say goodbye by themselves.
  if (!('stream' in response)) (response as Watched)[DRAINING] = background
}

/** Prepares `http.ServerResponse.prototype` for the above, once per process. */
export function installConnectionClose(): void {
  const prototype = ServerResponse.prototype as unknown as Record<
    'writeHead' | 'writeHeader',
    (...args: unknown[]) => unknown
  >
  if (Object.hasOwn(prototype, INSTALLED)) return
  Object.defineProperty(prototype, INSTALLED, { value: true })
  const { writeHead } = prototype
  prototype.writeHead = function (this: ServerResponse & Watched, ...args: unknown[]) {
    const background = this[DRAINING]
    if (background !== undefined && (background.draining || hasStoppedListening(this))) this.shouldKeepAlive = false
    return writeHead.apply(this, args)
  }
  // Node's own alias of it, which Node 26 does not have any more.
  if ('writeHeader' in prototype) prototype.writeHeader = prototype.writeHead
}

/** The server was told to close, whether or not the background knows. */
function hasStoppedListening(response: ServerResponse): boolean {
  const { server } = (response.req.socket ?? {}) as { server?: Server }
  return server !== undefined && !server.listening
}
