import { Bag, type Placed } from './engine/bag.ts'
import { within } from './engine/within.ts'
import { nobodyWaits, type Settled } from './http/response-tasks.ts'
import type { Clock, Timer } from './ports/clock.ts'

/** What is asked of a response's task list at shutdown. */
interface Settleable extends Placed {
  readonly pending: boolean
  settleUnanswered(settled: Settled): boolean
  close(): void
}

/** When a client has gone, its handler may still be at work and leave a status; after this, milliseconds, it counts as a success. */
const UNANSWERED_MS = 5_000

/** The responses of this process that have tasks and are not over: the shutdown waits for them. */
export class Responses {
  readonly #clock: Clock
  readonly #open = new Bag<Settleable>()
  readonly #timers = new Map<Settleable, Timer>()
  #quiet: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  opened(tasks: Settleable): void {
    this.#open.add(tasks)
  }

  closed(tasks: Settleable): void {
    // Timers are rare, and every response comes by here.
    if (this.#timers.size > 0) {
      this.#timers.get(tasks)?.cancel()
      this.#timers.delete(tasks)
    }
    if (!this.#open.delete(tasks) || this.#open.size > 0) return
    for (const resolve of this.#quiet.splice(0)) resolve()
  }

  /** The connection of a response is gone and no status has left: the handler gets its time, then its tasks are kept. */
  unanswered(tasks: Settleable): void {
    const settle = (): void => void tasks.settleUnanswered(nobodyWaits)
    this.#timers.set(tasks, this.#clock.after(UNANSWERED_MS, settle, true))
  }

  /** Resolves when none is open. */
  async quiet(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve))
  }

  /** Keeps what the rest has gathered: their handlers had their time. */
  async settleAll(): Promise<void> {
    const rest = this.#open.values()
    const settled = rest.map(
      (tasks) => new Promise<void>((resolve) => tasks.settleUnanswered(() => resolve()) || resolve()),
    )
    await within(this.#clock, 2_000, Promise.all(settled))
    for (const tasks of rest) tasks.close()
  }
}
