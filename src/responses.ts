import { within } from './engine/within.ts'
import type { Clock, Timer } from './ports/clock.ts'

/** What is asked of a response's task list at shutdown. */
interface Settleable {
  /** Where it stands in the list of those that are open. */
  place: number
  readonly pending: boolean
  settleUnanswered(): Promise<void> | undefined
  close(): void
}

/** When a client has gone, its handler may still be at work and leave a status; after this, milliseconds, it counts as a success. */
const UNANSWERED_MS = 5_000

/** The responses of this process that have tasks and are not over: the shutdown waits for them. */
export class Responses {
  readonly #clock: Clock
  /** In no order: the last one takes the place of one that closes, which is cheaper than a Set. */
  readonly #open: Settleable[] = []
  readonly #timers = new Map<Settleable, Timer>()
  #quiet: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  opened(tasks: Settleable): void {
    tasks.place = this.#open.push(tasks) - 1
  }

  closed(tasks: Settleable): void {
    // Timers are rare, and every response comes by here.
    if (this.#timers.size > 0) {
      this.#timers.get(tasks)?.cancel()
      this.#timers.delete(tasks)
    }
    if (tasks.place < 0) return
    const last = this.#open.pop()!
    if (last !== tasks) {
      this.#open[tasks.place] = last
      last.place = tasks.place
    }
    tasks.place = -1
    if (this.#open.length > 0) return
    for (const resolve of this.#quiet.splice(0)) resolve()
  }

  /** The connection of a response is gone and no status has left: the handler gets its time, then its tasks are kept. */
  unanswered(tasks: Settleable): void {
    const settle = (): void => void tasks.settleUnanswered()?.catch(() => undefined)
    this.#timers.set(tasks, this.#clock.after(UNANSWERED_MS, settle, true))
  }

  /** Resolves when none is open. */
  async quiet(): Promise<void> {
    if (this.#open.length > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve))
  }

  /** Keeps what the rest has gathered: their handlers had their time. */
  async settleAll(): Promise<void> {
    const rest = [...this.#open]
    const settled = rest.map(async (tasks) => tasks.settleUnanswered())
    await within(this.#clock, 2_000, Promise.allSettled(settled))
    for (const tasks of rest) tasks.close()
  }
}
