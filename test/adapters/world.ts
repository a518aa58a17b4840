import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import type { BackgroundTasks } from '../../src/background-tasks.ts'
import type { Background } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { Logger } from '../../src/model/logger.ts'
import type { Store, Written } from '../../src/ports/store.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { Wire } from '../http/wire.ts'
import { bench, later } from '../support/bench.ts'
import type { EventLog } from '../support/event-log.ts'

/** What a handler of the suite sees, whatever the framework. */
export interface Call {
  readonly path: string
  readonly tasks: BackgroundTasks
  /** The response of node:http below the framework. */
  readonly response: ServerResponse
}

/** What a handler of the suite answers; the framework answers it in its own way. */
export interface Reply {
  readonly status?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The body in parts, answered as the framework answers streams. */
  readonly stream?: AsyncIterable<string>
}

/** What a handler of the suite throws. */
export class HandlerError extends Error {
  constructor() {
    super('the handler fails')
  }
}

/** One application that the suite wants to be served. */
export interface TestApp {
  readonly background: Background
  /** Runs in the framework's own middleware (or dependency), before the handler. */
  readonly before: (call: Call) => void
  readonly handle: (call: Call) => Reply | Promise<Reply>
  /** Runs in the framework's own error handler, when it returns true; what it throws is thrown there. */
  readonly onError: (error: unknown) => boolean
}

/** A server of the framework on loopback. `close` is what an application does to stop: server first, then background. */
export interface Running {
  readonly port: number
  close(): Promise<unknown>
}

/** Serves the application with the real framework. */
export type Serve = (app: TestApp) => Promise<Running>

/** What a test changes of the application. */
export interface Plan {
  handle: TestApp['handle']
  before?: TestApp['before']
  onError?: TestApp['onError']
  options?: BackgroundOptions
}

/** An application of the framework that is served until the test is over, with all that a test wants to know of it. */
export class World {
  /** What happened, in order; the task `note` adds its text. */
  readonly log: string[] = []
  /** Every warning and error that was logged. */
  readonly warnings: string[] = []
  readonly note = defineTask({ name: 'note', run: ({ text }: { text: string }) => void this.log.push(text) })
  /** Starts, and ends when the test calls `release`. */
  readonly wait = defineTask({
    name: 'wait',
    run: async ({ text }: { text: string }) => {
      this.log.push(text)
      await this.#released.promise
      this.log.push(`${text} over`)
    },
  })
  readonly fail = defineTask({
    name: 'fail',
    retry: { attempts: 1 },
    run: () => {
      throw new Error('this task fails')
    },
  })
  /** What the task `act` does. */
  act: () => unknown = () => undefined
  readonly acts = defineTask({ name: 'act', run: () => void this.act() })
  readonly background: Background
  readonly events: EventLog
  readonly #t: TestContext
  readonly #released = Promise.withResolvers<void>()
  #running: Running | undefined

  private constructor(t: TestContext, options: BackgroundOptions) {
    this.#t = t
    const say = (_: object, message: string): void => void this.warnings.push(message)
    const logger: Logger = { debug() {}, info() {}, warn: say, error: say }
    const { background, events } = bench(t, { tasks: [this.note, this.wait, this.fail, this.acts], logger, ...options })
    this.background = background
    this.events = events
    later(t).defer(() => this.release())
  }

  static async open(
    t: TestContext,
    serve: Serve,
    plan: (world: World) => Plan,
    options: BackgroundOptions = {},
  ): Promise<World> {
    const world = new World(t, options)
    const { before = () => undefined, onError = () => false, handle } = plan(world)
    const running = await serve({ background: world.background, before, handle, onError })
    world.#running = running
    // Before the background of the bench stops: requests in flight still pass their gate.
    later(t).defer(async () => {
      world.release()
      for (const wire of world.#wires) wire.socket.destroy()
      await running.close()
    })
    return world
  }

  readonly #wires: Wire[] = []

  /** A new connection to the server. */
  async wire(): Promise<Wire> {
    const wire = await Wire.open(this.#t, this.#running?.port ?? 0)
    this.#wires.push(wire)
    return wire
  }

  /** A new connection that the server has accepted, and its end on the server's side. */
  async #acceptedWire(): Promise<{ wire: Wire; socket: Socket }> {
    const { promise, resolve } = Promise.withResolvers<Socket>()
    const accept = (message: unknown): void => resolve((message as { socket: Socket }).socket)
    subscribe('net.server.socket', accept)
    const wire = await this.wire()
    const socket = await promise
    unsubscribe('net.server.socket', accept)
    return { wire, socket }
  }

  /** A new connection that the server has accepted. */
  async accepted(): Promise<Wire> {
    return (await this.#acceptedWire()).wire
  }

  /** A new connection over which the server has received the beginning of a request. */
  async beginning(text: string): Promise<Wire> {
    const { wire, socket } = await this.#acceptedWire()
    wire.socket.write(text)
    while (socket.bytesRead === 0) await new Promise((resolve) => setImmediate(resolve))
    return wire
  }

  /** One request on a connection of its own, and its whole answer. */
  async get(path: string, ...headers: string[]) {
    const wire = await this.wire()
    return wire.get(path, ...headers).answer()
  }

  /** Lets the task `wait` end. */
  release(): void {
    this.#released.resolve()
  }

  /** Resolves when the server takes no connections any more: the application has begun to close. */
  async refuses(): Promise<void> {
    for (;;) {
      const socket = connect(this.#running?.port ?? 0, '127.0.0.1')
      const refused = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(false))
        socket.once('error', () => resolve(true))
      })
      socket.destroy()
      if (refused) return
    }
  }

  /** Stops the application as its owner would. */
  async close(): Promise<void> {
    await this.#running?.close()
  }

  /** Resolves when the task has run. */
  async ran(id: string): Promise<void> {
    await this.events.until('attempt:end', id)
  }
}

/** A store in memory between whose adds and their transaction the test stands. */
export function storeBehind(write: (next: () => Promise<Written>) => Promise<Written>): Store {
  const store = new SqliteStore(undefined, { clock: systemClock, chance: systemChance })
  return new Proxy<Store>(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      const method = value.bind(target) as (...args: unknown[]) => unknown
      if (key !== 'write') return method
      return (...args: Parameters<Store['write']>) =>
        args[0].adds.length === 0 ? method(...args) : write(() => method(...args) as Promise<Written>)
    },
  })
}

/** A store in memory whose disk is full until the test makes room. */
export class FullStore {
  isFull = true
  readonly store = storeBehind((next) => {
    return this.isFull ? Promise.reject(new AfterwordError('STORE_FULL', { file: '/srv/tasks.db' })) : next()
  })
}
