import type { Session } from 'node:inspector'
import type { Clock } from '../ports/clock.ts'

/** Between two questions: each one runs on top of whatever the loop is doing, so they are rare, in milliseconds. */
const BETWEEN_MS = 2_000

/**
 * Asks a loop that stands still what it is doing. The inspector interrupts the running JavaScript and evaluates one expression
 * on top of it, so that the stack below is the one that blocks; in a native call it does so as soon as that returns. Without the
 * debugger's domain it costs the loop 2 to 12 ms, 20 the first time.
 */
export class LoopProbe {
  readonly #clock: Clock
  readonly #expression: string
  #session: Session | undefined
  #askedMs: number | undefined

  constructor(clock: Clock, expression: string) {
    this.#clock = clock
    this.#expression = expression
  }

  /** True while an answer is awaited: the thread's own loop has to turn for it. */
  get isAsking(): boolean {
    return this.#session !== undefined
  }

  /** Has the loop evaluate the expression. Does nothing when it was asked just now, or where Node was built without its inspector. */
  ask(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.isAsking || nowMs - (this.#askedMs ?? -BETWEEN_MS) < BETWEEN_MS) return
    this.#askedMs = nowMs
    if (!process.features.inspector) return
    const session = new (process.getBuiltinModule('node:inspector').Session)()
    session.connectToMainThread()
    this.#session = session
    session.post('Runtime.evaluate', { expression: this.#expression, silent: true }, () => {
      this.#session = undefined
      session.disconnect()
    })
  }
}
