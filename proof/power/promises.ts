import type { Happening } from './recording.ts'

/** What a program did and was promised, by the numbers of its tasks. */
export interface Promised {
  /** Those that it was about to add, at least. */
  readonly tried: ReadonlySet<number>
  /** Those whose function was called. */
  readonly ran: ReadonlySet<number>
  /** Those that were acknowledged, with their durability. */
  readonly acknowledged: ReadonlyMap<number, 'power' | 'process'>
}

/** The same, up to a moment of a recording. */
export class Promises implements Promised {
  readonly #happenings: readonly Happening[]
  readonly tried = new Set<number>()
  readonly ran = new Set<number>()
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
