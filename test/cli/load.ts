import { Agent, request } from 'node:http'
import type { TestContext } from 'node:test'
import { later } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'

/** A path that was asked for, and what came of it. */
export interface Asked {
  readonly text: string
  /** Undefined when no whole answer came. */
  readonly status: number | undefined
  readonly error: string | undefined
}

/**
 * Clients that add one task after another, half of them over connections that stay open and half over one for each request,
 * until they are told to stop.
 */
export class Load {
  readonly asked: Asked[] = []
  readonly #running: Promise<unknown>
  #next = 0
  #isOver = false

  constructor(t: TestContext, port: number, clients = 8) {
    const agentOf = (client: number) => (client % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined)
    this.#running = Promise.all(Array.from({ length: clients }, (_, client) => this.#ask(port, agentOf(client))))
    later(t).defer(() => this.stop())
  }

  /** What failed since request number `from`. */
  failures(from = 0): readonly Asked[] {
    return this.asked.slice(from).filter(({ status }) => status !== 200)
  }

  /** The texts of tasks that were acknowledged. */
  get acknowledged(): readonly string[] {
    return this.asked.filter(({ status }) => status === 200).map(({ text }) => text)
  }

  /** Waits until so many more requests have been answered. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.length + count
    while (this.acknowledged.length < enough) await turn()
  }

  /** Ends the load; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #ask(port: number, agent: Agent | undefined): Promise<void> {
    while (!this.#isOver) {
      const text = `${this.#next++}`
      this.asked.push({ text, ...(await answered(port, `/note/${text}`, agent)) })
      // A port on which nobody listens refuses at once: other things must have their turn.
      await turn()
    }
    agent?.destroy()
  }
}

function answered(port: number, path: string, agent: Agent | undefined): Promise<Omit<Asked, 'text'>> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: undefined, error: String(error) })
    const asking = request({ host: '127.0.0.1', port, path, method: 'POST', agent: agent ?? false }, (response) => {
      response.on('error', failed)
      response.on('end', () => resolve({ status: response.statusCode, error: undefined }))
      response.resume()
    })
    asking.on('error', failed)
    asking.end()
  })
}
