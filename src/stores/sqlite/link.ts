/**
 * One connection between two processes that share a database file.
 *
 * The one who dials says who it is, `afterword/1 57` and a line feed; it knows whom it called by the address. After
 * that each byte is a word: `r` asks to look at the store, `b` is goodbye. Other bytes are left to later versions.
 */
import type { Socket } from 'node:net'
import type { Incarnation } from '../../model/task.ts'

const RING = 0x72
const BYE = 0x62
const RING_BYTES = Buffer.of(RING)
const BYE_BYTES = Buffer.of(BYE)
const HELLO = /^afterword\/1 (\d{1,15})$/
const HELLO_BYTES_MAX = 32
const LINE_FEED = 0x0a

/** What a link reports. */
export interface LinkListener {
  /** The peer at the other end is known: the dial was answered, or the caller said who it is. */
  opened(link: Link): void
  rang(): void
  /** Fires once. `expected`: the peer said goodbye, we closed it, or it never opened. */
  closed(link: Link, expected: boolean): void
  trouble(what: string, error: unknown): void
}

/** See the top of the file. */
export class Link {
  readonly #socket: Socket
  readonly #listener: LinkListener
  /** Undefined until a caller has said who it is. */
  peer: Incarnation | undefined
  #opened = false
  #parted = false
  #wanted = false
  #writing = false
  /** The caller's first line, as far as it has come. */
  #hello = ''

  private constructor(socket: Socket, listener: LinkListener) {
    this.#socket = socket
    this.#listener = listener
    socket.unref()
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('error', (error) => listener.trouble(`connection to ${this.peer ?? 'an unknown peer'}`, error))
    socket.once('close', () => listener.closed(this, this.#parted || !this.#opened))
  }

  /** A link to `peer` over a socket that is on its way there. */
  static dialled(socket: Socket, self: Incarnation, peer: Incarnation, listener: LinkListener): Link {
    const link = new Link(socket, listener)
    link.peer = peer
    socket.once('connect', () => link.#open())
    socket.write(`afterword/1 ${self}\n`)
    return link
  }

  /** A link from somebody who has yet to say who it is. */
  static accepted(socket: Socket, listener: LinkListener): Link {
    return new Link(socket, listener)
  }

  /** Notes that the peer should look at the store; `flush` sends it. */
  ring(): void {
    this.#wanted = true
  }

  /**
   * Sends the ring that was asked for, if any. While an earlier one has not left this process there is no other: to a
   * peer that does not read, the kernel takes a few hundred bytes, and then one byte waits here, whatever we ring.
   */
  flush(): void {
    if (!this.#wanted || this.#writing || this.#socket.destroyed) return
    this.#wanted = false
    this.#writing = true
    this.#socket.write(RING_BYTES, () => {
      this.#writing = false
      this.flush()
    })
  }

  /** Says goodbye if the peer has room for it, and closes. */
  part(): void {
    if (!this.#socket.destroyed) this.#socket.write(BYE_BYTES)
    this.cut()
  }

  /** Closes without a goodbye, as the end of the process does. */
  cut(): void {
    this.#parted = true
    this.#socket.destroy()
  }

  #open(): void {
    this.#opened = true
    this.#listener.opened(this)
  }

  #read(bytes: Buffer): void {
    const words = this.peer === undefined ? this.#readHello(bytes) : bytes
    if (words.includes(RING)) this.#listener.rang()
    if (words.includes(BYE)) this.#parted = true
  }

  /** @returns what came behind the first line. */
  #readHello(bytes: Buffer): Buffer {
    const end = bytes.indexOf(LINE_FEED)
    this.#hello += bytes.toString('latin1', 0, end < 0 ? Math.min(bytes.length, HELLO_BYTES_MAX) : end)
    const match = end < 0 ? null : HELLO.exec(this.#hello)
    if (match) {
      this.peer = Number(match[1])
      this.#open()
      return bytes.subarray(end + 1)
    }
    if (end >= 0 || this.#hello.length >= HELLO_BYTES_MAX) this.#refuse()
    return bytes.subarray(0, 0)
  }

  #refuse(): void {
    this.#listener.trouble('greeting of a caller', new Error(`not understood: ${JSON.stringify(this.#hello)}`))
    this.#socket.destroy()
  }
}
