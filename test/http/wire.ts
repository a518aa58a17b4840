import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A server on loopback that is gone when the test is over. */
export async function serve(t: TestContext, listener: RequestListener, options: ServerOptions = {}): Promise<Server> {
  const server = createServer(options, listener)
  await listen(t, server)
  return server
}

/** Lets a server listen on a free port of the loopback interface until the test is over. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}

/** The port a server listens on. */
export function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port
}

/** One connection that writes raw requests and sees the bytes of the answers. */
export class Wire {
  readonly socket: Socket
  /** Everything received so far. */
  text = ''
  #look: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (data) => {
      this.text += String(data)
      this.#look()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => this.#look())
  }

  static async open(t: TestContext, port: number): Promise<Wire> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    t.after(() => socket.destroy())
    return new Wire(socket)
  }

  /** Sends a request; lines without the blank line at the end. */
  send(...lines: string[]): this {
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    return this
  }

  get(path: string, ...headers: string[]): this {
    return this.send(`GET ${path} HTTP/1.1`, 'Host: x', ...headers)
  }

  /** Resolves to all that was received once it matches. */
  async until(pattern: RegExp): Promise<string> {
    return this.#when(() => pattern.test(this.text), String(pattern))
  }

  /** Resolves to all that was received once the server has closed the connection. */
  async end(): Promise<string> {
    return this.#when(() => this.socket.closed, 'the end')
  }

  async #when(isThere: () => boolean, what: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    this.#look = () => {
      if (isThere()) resolve(this.text)
      else if (this.socket.closed) reject(new Error(`closed before ${what}, after: ${JSON.stringify(this.text)}`))
    }
    this.#look()
    return promise
  }
}

/** The whole answer to one request on a connection of its own, without the date. */
export async function answer(t: TestContext, port: number, ...lines: string[]): Promise<string> {
  const wire = await Wire.open(t, port)
  const text = await wire.send(...lines, 'Connection: close').end()
  return text.replace(/^date: .*\r\n/im, '')
}
