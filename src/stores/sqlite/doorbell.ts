import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server } from 'node:net'
import type { Incarnation } from '../../model/task.ts'
import type { Clock } from '../../ports/clock.ts'
import { Link } from './link.ts'
import type { LinkListener } from './link.ts'

/** What a doorbell tells its owner, and what it needs. */
export interface DoorbellOptions {
  readonly self: Incarnation
  /** Where an incarnation listens: a socket path or the name of a pipe. */
  readonly address: (incarnation: Incarnation) => string
  readonly clock: Pick<Clock, 'soon'>
  /** Somebody rang. At most once per turn of the event loop. */
  readonly onRing: () => void
  /** The last connection to a peer broke without a goodbye. */
  readonly onGone: (peer: Incarnation) => void
  /** For debugging: what went wrong on a socket. */
  readonly onTrouble: (what: string, error: unknown) => void
}

/**
 * Rings the other processes of a database file, and hears them.
 *
 * Each process listens, and a newcomer calls everybody who is there; a connection serves both directions. When two
 * arrive at once they may call each other: both connections stay, rings go over both, and the turn's second one is
 * swallowed by the listener.
 *
 * Rings are gathered until the end of the turn (`clock.soon`), so that all commits of a turn cost one byte per peer, a
 * ring comes after the last of them, and answers to clients go out first. Nothing here keeps the process alive.
 */
export class Doorbell {
  readonly #options: DoorbellOptions
  readonly #links = new Set<Link>()
  readonly #listener: LinkListener
  #server: Server | undefined
  #closed = false
  #flushDue = false
  #hearDue = false

  constructor(options: DoorbellOptions) {
    this.#options = options
    this.#listener = {
      opened: (link) => this.#welcome(link),
      rang: () => this.#hear(),
      closed: (link, expected) => this.#forget(link, expected),
      trouble: options.onTrouble,
    }
  }

  /**
   * Begins to listen. Returns when peers can call, or when `close` came first.
   *
   * @throws the error of `listen`: no permission, a path that is too long, no descriptors left.
   */
  async listen(): Promise<void> {
    const path = this.#options.address(this.#options.self)
    const file = process.platform === 'win32' ? undefined : path
    // An incarnation is never reused, so what is there belongs to a database that was deleted.
    if (file !== undefined) rmSync(file, { force: true })
    const server = createServer((socket) => void this.#links.add(Link.accepted(socket, this.#listener)))
    this.#server = server
    server.unref()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject).once('close', resolve)
    // Exclusive: in a worker of node:cluster the socket would otherwise be opened by, and live as long as, the primary.
    server.listen({ path, exclusive: true }, resolve)
    await promise
    server.on('error', (error) => this.#options.onTrouble('listening', error))
    if (file !== undefined && !this.#closed) chmodSync(file, 0o600)
  }

  /** Calls a peer. Resolves when it answered or could not be reached; never rejects. */
  dial(peer: Incarnation): Promise<void> {
    if (this.#closed) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    try {
      const socket = connect({ path: this.#options.address(peer) })
      socket.once('connect', resolve).once('close', () => resolve())
      this.#links.add(Link.dialled(socket, this.#options.self, peer, this.#listener))
    } catch (error) {
      // Refused before any try, as under a permission model without network.
      this.#options.onTrouble(`calling ${peer}`, error)
      resolve()
    }
    return promise
  }

  /** Rings everybody, at the end of this turn. */
  ring(): void {
    for (const link of this.#links) link.ring()
    this.#flushSoon()
  }

  /** Rings one peer, at the end of this turn; calls it first when there is no connection. */
  ringOne(peer: Incarnation): void {
    if (this.#closed || peer === this.#options.self) return
    if (!this.#linked(peer)) void this.dial(peer)
    for (const link of this.#links) if (link.peer === peer) link.ring()
    this.#flushSoon()
  }

  /** Says goodbye and closes everything. Closing twice is fine. */
  close(): Promise<void> {
    for (const link of this.#links) link.part()
    return this.#end()
  }

  /** Closes everything without a goodbye: to the peers it is the end of this process. */
  breakOff(): Promise<void> {
    for (const link of this.#links) link.cut()
    return this.#end()
  }

  async #end(): Promise<void> {
    this.#closed = true
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    await new Promise<void>((resolve) => {
      // An error only says that it does not listen, for example because `listen` failed.
      server.close(() => resolve())
    })
  }

  #linked(peer: Incarnation): boolean {
    return this.#links.values().some((link) => link.peer === peer)
  }

  /**
   * Whoever sees a connection open rings over it. Both have looked at the store before, but perhaps one of them
   * committed after the other's look and rang before it knew of the connection: that commit would wait for a poll.
   */
  #welcome(link: Link): void {
    link.ring()
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushDue || this.#closed) return
    this.#flushDue = true
    this.#options.clock.soon(() => {
      this.#flushDue = false
      for (const link of this.#links) link.flush()
    })
  }

  #hear(): void {
    if (this.#hearDue || this.#closed) return
    this.#hearDue = true
    this.#options.clock.soon(() => {
      this.#hearDue = false
      if (!this.#closed) this.#options.onRing()
    })
  }

  #forget(link: Link, expected: boolean): void {
    this.#links.delete(link)
    if (expected || this.#closed || link.peer === undefined || this.#linked(link.peer)) return
    this.#options.onGone(link.peer)
  }
}
