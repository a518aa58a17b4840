import type { Ports } from '../background-ports.ts'
import {
  Background,
  type BackgroundOptions,
  type NodeResponse,
  type ResponseScope,
  type StopAccount,
  type StopOptions,
} from '../index.ts'
import type { LabClock } from './lab-clock.ts'

const NOTHING: StopAccount = { finished: 0, handedBack: [], abandoned: [], leftToRescue: [], deferred: 0 }

/** The background of one process of a lab: the real one, whose process can die. */
export class LabBackground extends Background {
  readonly #clock: LabClock
  /** Answers that have not left: their connections break when the process dies. */
  readonly #open = new Set<NodeResponse>()
  #dead = false

  constructor(options: BackgroundOptions, ports: Ports, clock: LabClock) {
    super(options, ports)
    this.#clock = clock
  }

  /** Takes the time that it needs from the lab's clock. A process that died has nothing left to stop. */
  override stop(options?: StopOptions): Promise<StopAccount> {
    return this.#dead ? Promise.resolve(NOTHING) : this.#clock.runUntil(super.stop(options))
  }

  override attach(response: NodeResponse | undefined, request?: Parameters<Background['attach']>[1]): ResponseScope {
    if (response !== undefined && !this.#open.has(response)) {
      this.#open.add(response)
      response.once('close', () => this.#open.delete(response))
      if (this.#dead) destroy(response)
    }
    return super.attach(response, request)
  }

  /** Breaks the connections. The rest of the process is cut off by its clock and its store. */
  die(): void {
    this.#dead = true
    for (const response of this.#open) destroy(response)
  }
}

function destroy(response: NodeResponse): void {
  if ('stream' in response) response.stream.destroy()
  else response.destroy()
}
