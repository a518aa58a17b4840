import type { Chance } from '../ports/chance.ts'

/** A process that was ready for this long has left its trouble behind, milliseconds. */
const STEADY_MS = 10_000
/** Deaths in a row before it was ready, after which nobody expects the next start to be another one. */
const DEATHS_AT_START_MAX = 10
/** The longest pause, as a multiple of the first. */
const PAUSES_MAX = 50

/** When a process that died starts again: after pauses that double, with jitter, so that a broken application keeps no core busy. */
export class Restarts {
  readonly #firstMs: number
  readonly #chance: Chance
  #doublings = 0
  /** Deaths in a row before it was ready. */
  deathsAtStart = 0

  constructor(firstMs: number, chance: Chance) {
    this.#firstMs = firstMs
    this.#chance = chance
  }

  /** It is ready. */
  ready(): void {
    this.deathsAtStart = 0
  }

  /**
   * It died.
   *
   * @param readyMs  how long it was ready; undefined when it never was.
   * @returns milliseconds until its next start; undefined when there shall be none.
   */
  died(readyMs: number | undefined): number | undefined {
    if (readyMs === undefined && ++this.deathsAtStart >= DEATHS_AT_START_MAX) return undefined
    if (readyMs !== undefined && readyMs >= STEADY_MS) this.#doublings = 0
    const pauseMs = this.#firstMs * Math.min(2 ** this.#doublings++, PAUSES_MAX)
    return Math.round(pauseMs * (0.5 + this.#chance.fraction() / 2))
  }
}
