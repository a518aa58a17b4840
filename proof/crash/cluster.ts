import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { planted } from '../zoo/planted.ts'
import { type HistoryWriter, nowMs } from './history.ts'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/afterword-tests')
/** A server that could not start, on a full disk for example, is started again after this long. */
const RESTART_MS = 50
/** A server that has not ended in order by then never will: its grace is well below. */
const STOP_MS_MAX = 20_000

/** A server that has not come up by then, on whatever try, never will. */
const UP_MS_MAX = 60_000

/** Thrown when a server does not come up. */
export class NotUp extends Error {}

/** What a cluster is made of. */
export interface ClusterParts {
  readonly servers: number
  readonly plant: string | undefined
  readonly history: HistoryWriter
  /** The program of a server: a file beside this one. It is given its settings as JSON, and sends its port once it is up. */
  readonly program: string
  /** What a server is told besides its number and its name. */
  readonly settings: object
  /** Variables of the environment for the server at that place, for faults that are injected. */
  env(slot: number): NodeJS.ProcessEnv
}

/** One start of one server. */
export interface Running {
  readonly slot: number
  /** Which start this is; in the history it names the process. */
  readonly server: number
  readonly child: ChildProcess
  readonly exited: Promise<void>
  /** Undefined while it starts. */
  port: number | undefined
  /** Whether its end was asked for: by a kill, or by a stop in order. */
  ended: boolean
  /** Whether it has been told to kill itself at some point of its program, and is up until it gets there. */
  condemned: boolean
  /** Clients that waited for it in vain ask others until then, as a load balancer does. */
  avoidedUntilMs: number
}

/** Servers on one file. One that ends is started again, whatever it died of, until the cluster closes. */
export class Cluster {
  readonly #parts: ClusterParts
  readonly #slots: Running[] = []
  #started = 0
  #closing = false
  #waiting: (() => void)[] = []

  constructor(parts: ClusterParts) {
    this.#parts = parts
    for (let slot = 0; slot < parts.servers; slot++) this.#start(slot)
  }

  /** What runs, or starts, at each place. */
  get running(): readonly Running[] {
    return this.#slots
  }

  /** A server that says that it is up, waiting for one when none is; undefined once the cluster is closing. */
  async oneUp(pick: (n: number) => number): Promise<Running | undefined> {
    while (!this.#closing) {
      const up = this.#slots.filter(({ port, ended }) => port !== undefined && !ended)
      const answering = up.filter(({ avoidedUntilMs }) => avoidedUntilMs < nowMs())
      const candidates = answering.length > 0 ? answering : up
      if (candidates.length > 0) return candidates[pick(candidates.length)]!
      await this.#change(UP_MS_MAX)
    }
    return undefined
  }

  /**
   * The server at that place, once it is up.
   *
   * @throws NotUp  when it does not come up for a minute.
   */
  async up(slot: number): Promise<Running> {
    const latestMs = nowMs() + UP_MS_MAX
    for (;;) {
      const running = this.#slots[slot]!
      if (this.#closing || (running.port !== undefined && !running.ended)) return running
      if (nowMs() > latestMs) throw new NotUp(`the server at place ${slot} has not come up for ${UP_MS_MAX / 1_000} s`)
      await this.#change(latestMs - nowMs())
    }
  }

  /** Resolves when every place has a server that is up; throws NotUp. */
  async allUp(): Promise<void> {
    await Promise.all(this.#slots.map((_, slot) => this.up(slot)))
  }

  /** Ends it without a word. The line comes first: what a peer does about it comes after. */
  kill(running: Running): void {
    this.#parts.history.write({ what: 'kill', server: running.server })
    running.ended = true
    running.child.kill('SIGKILL')
  }

  /** Has it end itself by SIGKILL, at once when it next comes to that point of its program. Resolves when it has, or after that time. */
  async killAt(running: Running, point: string, msMax: number): Promise<void> {
    running.condemned = true
    running.child.send({ point })
    await within(msMax, running.exited)
  }

  /**
   * Has it hold itself between two turns of its event loop, where it is not in the middle of a write and so has no lock. False
   * when it does not within that time.
   */
  async hold(running: Running, msMax: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>()
    running.child.once('message', () => resolve())
    running.child.send({ hold: true })
    return within(msMax, promise)
  }

  /** Holds it, as a suspended machine or a debugger does. */
  stop(running: Running): void {
    this.#parts.history.write({ what: 'stop', server: running.server })
    running.child.kill('SIGSTOP')
  }

  /** Lets a held one go on. */
  resume(running: Running): void {
    this.#parts.history.write({ what: 'continue', server: running.server })
    running.child.kill('SIGCONT')
  }

  /** Asks it to stop in order, and waits until it has; one that does not is killed, and its exit tells. */
  async term(running: Running): Promise<void> {
    this.#parts.history.write({ what: 'term', server: running.server })
    running.ended = true
    running.child.kill('SIGTERM')
    const late = new AbortController()
    const timer = sleep(STOP_MS_MAX, undefined, { signal: late.signal }).then(
      () => running.child.kill('SIGKILL'),
      () => undefined,
    )
    await running.exited
    late.abort()
    await timer
  }

  /** Stops all of them in order and starts none again. */
  async close(): Promise<void> {
    await this.allUp()
    this.#closing = true
    this.#wake()
    await Promise.all(this.#slots.map((running) => this.term(running)))
  }

  /** Ends all of them, whatever they do; at once, when it is not waited for. */
  async destroy(): Promise<void> {
    this.#closing = true
    this.#wake()
    for (const { child } of this.#slots) child.kill('SIGKILL')
    await Promise.all(this.#slots.map(({ exited }) => exited))
  }

  #start(slot: number): void {
    const { plant, program, settings, history } = this.#parts
    const server = ++this.#started
    const { execArgv, env } = planted(plant)
    const cached = process.env['NODE_V8_COVERAGE'] === undefined ? { NODE_COMPILE_CACHE: CACHE } : {}
    const told = { ...settings, server, name: `server-${slot}` }
    const child = fork(join(import.meta.dirname, program), [JSON.stringify(told)], {
      execArgv,
      env: { ...env, ...cached, ...this.#parts.env(slot) },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    const running: Running = {
      slot,
      server,
      child,
      exited,
      port: undefined,
      ended: false,
      condemned: false,
      avoidedUntilMs: 0,
    }
    this.#slots[slot] = running
    history.write({ what: 'started', server, pid: child.pid ?? 0 })
    child.once('message', (message: { readonly port: number }) => {
      running.port = message.port
      this.#wake()
    })
    child.once('error', () => undefined)
    child.once('exit', (code, signal) => {
      const failed = !running.ended && !(running.condemned && signal === 'SIGKILL')
      history.write({ what: 'exit', server, code, signal, awaited: !failed })
      running.ended = true
      resolve()
      if (this.#closing) return
      if (failed) setTimeout(() => this.#closing || this.#start(slot), RESTART_MS)
      else this.#start(slot)
    })
  }

  /** Resolves when a server has come up or the cluster closes, or after that time. */
  async #change(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    this.#waiting.push(resolve)
    await promise
    clearTimeout(timer)
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Whether it resolves within that time. */
async function within(msMax: number, promise: Promise<void>): Promise<boolean> {
  const late = new AbortController()
  const timer = sleep(msMax, false, { signal: late.signal }).catch(() => false)
  const isInTime = await Promise.race([promise.then(() => true), timer])
  late.abort()
  return isInTime
}
