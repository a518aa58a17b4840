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
    return this.#take(() => (pattern.test(this.text) ? this.text : undefined))
  }

  /** Resolves to all that was received once the server has closed the connection. */
  async end(): Promise<string> {
    return this.#take(() => (this.socket.closed ? this.text : undefined))
  }

  /** Takes the next whole answer from what is received. */
  async answer(): Promise<Answer> {
    const [answer, length] = await this.#take(() => readAnswer(this.text, this.socket.closed))
    this.text = this.text.slice(length)
    return answer
  }

  async #take<T>(read: () => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#look = () => {
      const value = read()
      if (value !== undefined) resolve(value)
      else if (this.socket.closed) reject(new Error(`closed after: ${JSON.stringify(this.text)}`))
    }
    this.#look()
    return promise
  }
}

/** An answer as a client sees it; names of headers in lower case. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The first whole answer in the text, and how much of the text it takes. */
function readAnswer(text: string, ended: boolean): [Answer, number] | undefined {
  const bodyAt = text.indexOf('\r\n\r\n') + 4
  if (bodyAt < 4) return undefined
  const [statusLine = '', ...lines] = text.slice(0, bodyAt - 4).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
  const status = Number(statusLine.slice(9, 12))
  const body = readBody(text.slice(bodyAt), headers, ended, status === 204 || status === 304)
  return body === undefined ? undefined : [{ status, headers, body: body[0] }, bodyAt + body[1]]
}

function readBody(
  text: string,
  headers: Answer['headers'],
  ended: boolean,
  isEmpty: boolean,
): [string, number] | undefined {
  if (isEmpty) return ['', 0]
  if (headers['content-length'] !== undefined) {
    const length = Number(headers['content-length'])
    return text.length < length ? undefined : [text.slice(0, length), length]
  }
  if (headers['transfer-encoding'] !== 'chunked') return ended ? [text, text.length] : undefined
  let body = ''
  for (let at = 0; ;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const length = Number.parseInt(text.slice(at, lineEnd), 16)
    const next = lineEnd + 2 + length + 2
    if (next > text.length) return undefined
    body += text.slice(lineEnd + 2, next - 2)
    if (length === 0) return [body, next]
    at = next
  }
}

/** The whole answer to one request on a connection of its own, without the date, and with its chunks joined. */
export async function answer(t: TestContext, port: number, ...lines: string[]): Promise<string> {
  const wire = await Wire.open(t, port)
  const text = (await wire.send(...lines, 'Connection: close').end()).replace(/^date: .*\r\n/im, '')
  const [head = '', chunked] = text.split(/(?<=\r\ntransfer-encoding: chunked\r\n(?:.+\r\n)*\r\n)/i)
  return chunked === undefined ? text : `${head}${joined(chunked)}`
}

/** What chunks hold, and what follows the last one. */
function joined(chunked: string): string {
  let body = ''
  let at = 0
  for (;;) {
    const lineEnd = chunked.indexOf('\r\n', at)
    const length = Number.parseInt(chunked.slice(at, lineEnd), 16)
    if (!(length > 0)) return body + chunked.slice(at)
    body += chunked.slice(lineEnd + 2, lineEnd + 2 + length)
    at = lineEnd + 2 + length + 2
  }
}
