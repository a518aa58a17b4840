import type { Instant } from '../model/task.ts'
import type { Clock, Timer } from '../ports/clock.ts'

/** One timer for the earliest of many moments. After it has rung, the next one has to be set. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #set: { readonly at: Instant; readonly timer: Timer } | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at that moment, unless it will earlier. */
  set(at: Instant): void {
    if (this.#set !== undefined && this.#set.at <= at) return
    this.#set?.timer.cancel()
    const timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#set = undefined
      this.#ring()
    })
    this.#set = { at, timer }
  }

  cancel(): void {
    this.#set?.timer.cancel()
  }
}
