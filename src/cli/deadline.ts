import type { Clock } from '../ports/clock.ts'

/** The time that stopping may take in all, shared by its steps. */
export class Deadline {
  readonly #clock: Clock
  readonly #atMs: number
  readonly #hurried = Promise.withResolvers<void>()
  #isOver = false

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#atMs = clock.monotonicMs() + ms
  }

  /** Milliseconds that are left; none after `hurry`. */
  get leftMs(): number {
    return this.#isOver ? 0 : Math.max(0, this.#atMs - this.#clock.monotonicMs())
  }

  /** Cuts all waiting short. */
  hurry(): void {
    this.#isOver = true
    this.#hurried.resolve()
  }

  /** Waits for `work`, for `ms` or what is left at most. Never rejects: the caller looks at what came of it. */
  async wait(work: Promise<unknown>, ms = Infinity): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(Math.min(ms, this.leftMs), resolve, true)
      const done = (): void => {
        timer.cancel()
        resolve()
      }
      void Promise.race([work, this.#hurried.promise]).then(done, done)
    })
  }
}
