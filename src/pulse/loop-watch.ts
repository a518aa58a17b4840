import type { Clock, Timer } from '../ports/clock.ts'
import type { Cells } from './cells.ts'

/** After so long without anything that could block it, the loop is not watched until something begins, in milliseconds. */
const QUIET_MS = 1_000

/** What a watch is made of. */
export interface LoopWatchParts {
  readonly clock: Clock
  readonly cells: Cells
  readonly turnMs: number
  readonly limitMs: number
  /** Whether anything runs that may block the loop at any moment. */
  isBusy(): boolean
  /** Whether a debugger is attached: a breakpoint is no block. */
  isDebugged(): boolean
  /** The loop stood still for so long, and turns again. */
  stood(ms: number): void
}

/**
 * The loop's side of the watch: while something runs, a timer shows the pulse thread that the loop turns, and measures how late it
 * comes itself. Without work there is no timer.
 */
export class LoopWatch {
  readonly #parts: LoopWatchParts
  #timer: Timer | undefined
  #isStopped = false
  #wasActive = false
  #dueMs = 0
  #quietMs = 0

  constructor(parts: LoopWatchParts) {
    this.#parts = parts
  }

  /** Something begins. Called for every attempt and request: two fields. */
  active(): void {
    this.#wasActive = true
    if (this.#timer === undefined) this.#wake()
  }

  /** True while it stands still, or did until just now. For what is asked from another thread, and may be answered too late. */
  get isLate(): boolean {
    const { clock, limitMs } = this.#parts
    return this.#timer !== undefined && clock.monotonicMs() - this.#dueMs > limitMs / 2
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #wake(): void {
    if (this.#isStopped) return
    const { cells } = this.#parts
    this.#quietMs = 0
    this.#lookForDebugger()
    cells.countTurn()
    cells.write('awake', 1)
    cells.signal()
    this.#arm()
  }

  #arm(): void {
    const { clock, turnMs } = this.#parts
    this.#dueMs = clock.monotonicMs() + turnMs
    this.#timer = clock.after(turnMs, () => this.#turn())
  }

  #turn(): void {
    const { clock, cells, turnMs, limitMs } = this.#parts
    const lateMs = clock.monotonicMs() - this.#dueMs
    // The thread stood still as well when the whole process was stopped, or the machine slept.
    const stillMs = Math.min(lateMs, cells.read('stillMs') + turnMs)
    this.#lookForDebugger()
    cells.countTurn()
    this.#quietMs = this.#wasActive || this.#parts.isBusy() ? 0 : this.#quietMs + turnMs
    this.#wasActive = false
    if (this.#quietMs < QUIET_MS) this.#arm()
    else {
      this.#timer = undefined
      cells.write('awake', 0)
    }
    if (stillMs >= limitMs) this.#parts.stood(stillMs)
  }

  #lookForDebugger(): void {
    this.#parts.cells.write('debugged', this.#parts.isDebugged() ? 1 : 0)
  }
}
