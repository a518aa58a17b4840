import { errorMonitor, type EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from 'node:net'
import type { Clock } from '../ports/clock.ts'
import type { Deadline } from './deadline.ts'

/** How often a server that stops looks for connections that have become idle. */
const LOOK_MS = 50

/** A server of `node:http` has this besides. */
type MaybeHttp = Server & { closeIdleConnections?(): void }

type ListenError = NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }

/** What is told of the servers of this process. */
export interface ServerEvents {
  /** `listen` was called: something is under way, which may keep no process alive. */
  asked(): void
  /** It has come to something: the server listens, or does not. */
  answered(): void
  /** Another program listens there; the application may have an answer to that. */
  inUse(at: string): void
}

/**
 * The servers that the application starts in this process. What listens at a path and speaks no HTTP is not counted: the
 * workers of a store wake each other that way.
 */
export class Servers {
  readonly #clock: Clock
  readonly #events: ServerEvents
  readonly #listening = new Set<MaybeHttp>()

  constructor(clock: Clock, events: ServerEvents) {
    this.#clock = clock
    this.#events = events
  }

  /**
   * Watches every `listen` from here on. With `privately` they listen at a free port of the loopback interface instead of
   * where they were told: in a worker, whose application is the one that serves elsewhere.
   */
  watch(privately: boolean): void {
    const { listen } = Server.prototype as unknown as { readonly listen: () => Server }
    const call = (server: Server, args: unknown[]): Server => Reflect.apply(listen, server, args)
    const follow = (server: Server): void => this.#follow(server)
    Server.prototype.listen = function (this: Server, ...args: unknown[]) {
      if (!isServing(this, args[0])) return call(this, args)
      follow(this)
      if (!privately) return call(this, args)
      const callback = args.findLast((arg) => typeof arg === 'function')
      return call(this, [{ port: 0, host: '127.0.0.1' }, callback])
    } as Server['listen']
  }

  get isListening(): boolean {
    return this.#listening.size > 0
  }

  /** Where they listen, such as `127.0.0.1:3000`. */
  get addresses(): readonly string[] {
    return [...this.#listening].map((server) => textOf(server.address()))
  }

  /**
   * Accepts nothing more, lets requests in flight be answered, and closes connections as they become idle. `gentlyMs` is how long
   * an idle connection may stay: a client that uses it once more is answered and told to leave, where a closed one could
   * cost it that request.
   */
  async close(deadline: Deadline, gentlyMs: number): Promise<void> {
    const closed = Promise.all([...this.#listening].map((server) => this.#closed(server)))
    if (gentlyMs > 0) await deadline.wait(closed, gentlyMs)
    let isClosed = false
    void closed.then(() => (isClosed = true))
    const look = (): void => {
      if (isClosed) return
      for (const server of this.#listening) if (server.closeIdleConnections !== undefined) server.close()
      this.#clock.after(LOOK_MS, look)
    }
    look()
    await deadline.wait(closed)
  }

  #follow(server: MaybeHttp): void {
    const emitter: EventEmitter = server
    this.#events.asked()
    const onListening = (): void => {
      emitter.off(errorMonitor, onError)
      this.#listening.add(server)
      server.once('close', () => this.#listening.delete(server))
      this.#events.answered()
    }
    const onError = ({ code, address = '', port }: ListenError): void => {
      server.off('listening', onListening)
      if (code === 'EADDRINUSE') this.#events.inUse(port === undefined ? address : `${address}:${port}`)
      this.#events.answered()
    }
    server.prependOnceListener('listening', onListening)
    emitter.once(errorMonitor, onError)
  }

  #closed(server: MaybeHttp): Promise<void> {
    return new Promise((resolve) => {
      server.once('close', () => resolve())
      if (server.closeIdleConnections === undefined) server.close()
      else {
        server.prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
          response.shouldKeepAlive = false
        })
        // Not its own close, which would cut idle connections off at once.
        Server.prototype.close.call(server)
      }
    })
  }
}

/** What speaks HTTP, and what listens anywhere but at a path. */
function isServing(server: Server, first: unknown): boolean {
  if (server.listenerCount('request') > 0) return true
  if (typeof first === 'object' && first !== null) return !('path' in first) || first.path === undefined
  return typeof first !== 'string' || /^\d+$/.test(first)
}

function textOf(address: ReturnType<Server['address']>): string {
  if (address === null || typeof address === 'string') return address ?? ''
  const { family, address: host, port } = address
  return family === 'IPv6' ? `[${host}]:${port}` : `${host}:${port}`
}
