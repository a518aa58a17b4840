import type { Clock } from '../ports/clock.ts'

/** Repeats within this time are one signal, milliseconds: wrappers send several within a few. */
const SAME_SIGNAL_MS = 1_000

/** The signals that stop a process. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** One of them. */
export type StopSignal = (typeof STOP_SIGNALS)[number]

/** Tells the first stop signal from a later one, which asks to hurry. */
export class StopSignals {
  readonly #clock: Clock
  readonly #first: (signal: StopSignal) => void
  readonly #later: () => void
  #firstMs: number | undefined

  constructor(clock: Clock, first: (signal: StopSignal) => void, later: () => void) {
    this.#clock = clock
    this.#first = first
    this.#later = later
  }

  /** To be called at each of them. */
  heard(signal: StopSignal): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs
      this.#first(signal)
    } else if (nowMs - this.#firstMs > SAME_SIGNAL_MS) this.#later()
  }
}

/** Handles signals that stop this process, beside handlers of the application. */
export class OwnSignals {
  readonly #handlers: readonly (readonly [StopSignal, () => void])[]
  #isPassedOn = false

  /** Installs the handlers. */
  constructor(heard: (signal: StopSignal) => void) {
    this.#handlers = STOP_SIGNALS.map((signal) => {
      const handler = (): void => {
        // A handler of the application has heard it by itself.
        this.#isPassedOn = true
        heard(signal)
      }
      process.on(signal, handler)
      return [signal, handler] as const
    })
  }

  /** Lets handlers that the application installed hear of SIGTERM, once. False when there are none. */
  passOn(): boolean {
    const own = new Set<unknown>(this.#handlers.map(([, handler]) => handler))
    const others = process.listeners('SIGTERM').filter((listener) => !own.has(listener))
    if (others.length === 0) return false
    if (!this.#isPassedOn) {
      this.#isPassedOn = true
      process.emit('SIGTERM', 'SIGTERM')
    }
    return true
  }
}
