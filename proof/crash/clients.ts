import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededChance } from '../support/chance.ts'
import type { Cluster, Running } from './cluster.ts'
import { type HistoryWriter, nowMs } from './history.ts'

/** A client waits this long for the head of an answer; a stopped server sends none. */
const PATIENCE_MS = 500
/** A server that let a client wait in vain is asked by none for this long. */
const AVOID_MS = 1_000
/** How often a request with an identity of its own is sent at most, until it is acknowledged. */
const TRIES_MAX = 3
/** A client whose connection broke comes back after this long, as one does; without it a dying server is asked thousands of times. */
const PAUSE_MS = 5

/** What came of one request. */
type Answer = 'kept' | 'refused' | 'unanswered'

/** What a request asks for, as far as clients need to know. */
export type Plan = readonly { readonly id: string | undefined }[]

/** What clients do besides. */
export interface Habits {
  /** Before each request: resolves once they may send it. */
  readonly wait?: (() => Promise<void>) | undefined
  /** After an acknowledgement, with the ids of what is kept. */
  readonly kept?: ((n: number, ids: readonly string[]) => void) | undefined
}

/** Clients that send one request after another over connections that stay open, and write down every answer. */
export class Clients {
  readonly #planOf: (n: number) => Plan
  readonly #cluster: Cluster
  readonly #history: HistoryWriter
  readonly #habits: Habits
  readonly #agent = new Agent({ keepAlive: true })
  /** Tasks that were acknowledged. */
  acknowledged = 0
  #next = 0
  #over = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(planOf: (n: number) => Plan, cluster: Cluster, history: HistoryWriter, habits: Habits = {}) {
    this.#planOf = planOf
    this.#cluster = cluster
    this.#history = history
    this.#habits = habits
  }

  /** Starts so many clients, each pausing for so long after an answer. */
  start(clients: number, pauseMs: number, chance: SeededChance): void {
    this.#running = Promise.all(Array.from({ length: clients }, () => this.#run(pauseMs, chance)))
  }

  /** Resolves when the last answer is in. */
  async stop(): Promise<void> {
    this.#over = true
    await this.#running
    this.#agent.destroy()
  }

  /** Resolves with so many more acknowledged tasks, or when there is none for that long. */
  async more(tasks: number, silenceMs: number): Promise<void> {
    const wanted = this.acknowledged + tasks
    let known = this.acknowledged
    for (let changedMs = nowMs(); known < wanted && nowMs() - changedMs < silenceMs; await sleep(PAUSE_MS)) {
      if (this.acknowledged > known) changedMs = nowMs()
      known = this.acknowledged
    }
  }

  /** Sends one request to that server; gives its answer. */
  async ask(to: Running): Promise<Answer> {
    return this.#send(this.#next++, to)
  }

  async #run(pauseMs: number, { below }: SeededChance): Promise<void> {
    while (!this.#over) {
      await this.#habits.wait?.()
      const n = this.#next++
      const plan = this.#planOf(n)
      const tries = plan.some(({ id }) => id !== undefined) ? TRIES_MAX : 1
      let kept = 0
      // What has an identity of its own is sent again until it is kept, and sometimes once more after that.
      for (let sent = 0; sent < tries && (kept === 0 || (kept === 1 && n % 2 === 0)); sent++) {
        const to = await this.#cluster.oneUp(below)
        if (to === undefined) return
        const answer = await this.#send(n, to)
        if (answer === 'kept') {
          if (kept++ === 0) this.acknowledged += plan.length
        } else await sleep(PAUSE_MS)
      }
      if (pauseMs > 0) await sleep(pauseMs)
    }
  }

  #send(n: number, to: Running): Promise<Answer> {
    const { server, port } = to
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.#history.write({ what: 'sent', n, server })
    let answered = false
    const unanswered = (): void => {
      if (!answered) this.#history.write({ what: 'unanswered', n, server })
      answered = true
      resolve('unanswered')
    }
    const outgoing = request(
      { host: '127.0.0.1', port, path: `/${n}`, method: 'POST', agent: this.#agent, timeout: PATIENCE_MS },
      (incoming) => {
        // The head is the promise; whether the body follows does not matter.
        answered = true
        const isKept = incoming.statusCode === 201
        if (isKept) {
          const ids = String(incoming.headers['x-tasks']).split(',')
          this.#history.write({ what: 'kept', n, server, ids })
          this.#habits.kept?.(n, ids)
        }
        let body = ''
        incoming.setEncoding('utf8').on('data', (data: string) => (body += data))
        incoming
          .on('error', () => undefined)
          .on('close', () => {
            if (!isKept) this.#history.write({ what: 'refused', n, server, code: codeOf(body) })
            resolve(isKept ? 'kept' : 'refused')
          })
      },
    )
    outgoing
      .on('error', unanswered)
      .on('timeout', () => {
        to.avoidedUntilMs = nowMs() + AVOID_MS
        outgoing.destroy()
      })
      .end()
    return promise
  }
}

function codeOf(body: string): string {
  try {
    return String((JSON.parse(body) as { error?: unknown }).error)
  } catch {
    return 'unknown'
  }
}
