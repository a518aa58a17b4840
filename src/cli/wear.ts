import type { Clock } from '../ports/clock.ts'
import type { Created } from './application-host.ts'
import type { ProcessSettings } from './messages.ts'

const LOOK_MS = 1_000
/** A process that could not be replaced goes on, and asks again after this long. */
const AGAIN_MS = 60_000
const MB = 1024 * 1024

/** Looks at the limits of this process, and says when one of them is reached. */
export class Wear {
  readonly #clock: Clock
  readonly #limits: Pick<ProcessSettings, 'maxTasks' | 'maxMemoryMb'>
  readonly #worn: (why: string) => void
  #attempts = 0
  #toldAtMs = -Infinity

  constructor(clock: Clock, limits: Pick<ProcessSettings, 'maxTasks' | 'maxMemoryMb'>, worn: (why: string) => void) {
    this.#clock = clock
    this.#limits = limits
    this.#worn = worn
  }

  /** Begins to look. Without limits it costs nothing. */
  watch(created: readonly Created[]): void {
    const { maxTasks, maxMemoryMb } = this.#limits
    if (maxTasks !== undefined) {
      for (const { background } of created) {
        background.on('attempt:end', () => {
          if (++this.#attempts >= maxTasks) this.#tell(`${this.#attempts} attempts, with a limit of ${maxTasks}`)
        })
      }
    }
    if (maxMemoryMb !== undefined) this.#weigh(maxMemoryMb)
  }

  #weigh(maxMb: number): void {
    const mb = Math.round(process.memoryUsage.rss() / MB)
    if (mb >= maxMb) this.#tell(`${mb} MB of memory, with a limit of ${maxMb}`)
    this.#clock.after(LOOK_MS, () => this.#weigh(maxMb))
  }

  #tell(why: string): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#toldAtMs < AGAIN_MS) return
    this.#toldAtMs = nowMs
    this.#worn(why)
  }
}
