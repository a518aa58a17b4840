import type { Happening } from './recording.ts'

/** What the program had done and had been promised up to a moment of its recording. */
export class Promises {
  readonly #happenings: readonly Happening[]
  readonly tried = new Set<number>()
  readonly ran = new Set<number>()
  /** Acknowledged tasks by number, with their durability. */
  readonly acknowledged = new Map<number, 'power' | 'process'>()
  #at = 0

  constructor(happenings: readonly Happening[]) {
    this.#happenings = happenings
  }

  /** Takes in everything up to and including the happening of that index. */
  advance(to: number): void {
    for (; this.#at <= to; this.#at++) {
      const happening = this.#happenings[this.#at]!
      if (happening.kind !== 'mark') continue
      if (happening.what === 'try') this.tried.add(happening.n)
      else if (happening.what === 'ran') this.ran.add(happening.n)
      else this.acknowledged.set(happening.n, happening.durability!)
    }
  }
}
