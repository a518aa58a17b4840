/**
 * Connections on which no request ever came hold `server.close()`: Node 24 closes those that are idle after a request, and
 * takes one that has not said anything yet for one whose request is on its way; so does Node 26 before a TLS handshake. Browsers and load balancers open such
 * connections in advance. A server in our care closes them as it stops listening.
 *
 * Which connections there are is told by Node's own channel `net.server.socket`, from the moment the first background is
 * created: a server is often known only by its first request, and connections were opened before that.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Server, Socket } from 'node:net'

/** A server of `node:http`, `node:https` or `node:http2`. */
export type ClosableServer = Pick<Server, 'close'>

const CONNECTIONS = Symbol.for('afterword.connections.1')
const IN_CARE = Symbol.for('afterword.closes-unused.1')

interface Watched extends Server {
  [CONNECTIONS]?: Set<Socket>
  [IN_CARE]?: boolean
}

let watching = false

/** Begins to learn of the connections that servers of this process accept. Idempotent; the work is done per connection. */
export function watchConnections(): void {
  if (watching) return
  watching = true
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { socket: Socket & { server?: Watched } }
    const { server } = socket
    // Servers of other protocols speak first, or listen for long: theirs are none of our affair.
    if (server !== undefined && server.listenerCount('request') > 0) remember(server, socket)
  })
}

function remember(server: Watched, socket: Socket): void {
  let connections = server[CONNECTIONS]
  if (connections === undefined) {
    const own = new Set<Socket>()
    connections = own
    Object.defineProperty(server, CONNECTIONS, { value: own })
    // What comes over TLS is read from another socket; below it the handshake has passed already.
    server.on('secureConnection', (secure: Socket) => keep(own, secure))
  }
  keep(connections, socket)
}

function keep(connections: Set<Socket>, socket: Socket): void {
  connections.add(socket)
  socket.once('close', () => connections.delete(socket))
}

/**
 * From here on `server.close()` also closes the connections that never sent a byte; where it was called before, they are
 * closed at once. Twice is once, and costs one look: the servers of all answers come here.
 */
export function closeUnusedWith(server: ClosableServer): void {
  const watched = server as Watched
  if (watched[IN_CARE] === true) return
  Object.defineProperty(watched, IN_CARE, { value: true })
  const close = watched.close.bind(watched)
  watched.close = (callback) => {
    close(callback)
    closeUnused(watched)
    return watched
  }
  if (!watched.listening) closeUnused(watched)
}

function closeUnused(server: Watched): void {
  for (const socket of server[CONNECTIONS] ?? []) if (socket.bytesRead === 0) socket.destroy()
}
