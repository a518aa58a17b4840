import type { Chance } from '../../src/ports/chance.ts'

/** Chance that a seed decides, with the questions that generators ask. */
export interface SeededChance extends Chance {
  readonly fraction: () => number
  /** A whole number from 0 up to, not including, `n`. */
  readonly below: (n: number) => number
  /** True with that probability, from 0 to 1. */
  readonly maybe: (probability: number) => boolean
  /** One of them, each as likely as the others. */
  readonly of: <T>(list: readonly [T, ...T[]]) => T
}

/**
 * The same seed, the same numbers.
 *
 * @source mulberry32, Tommy Ettinger, 2017; public domain.
 */
export function seededChance(seed: number): SeededChance {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(fraction() * n)
  return {
    fraction,
    below,
    maybe: (probability) => fraction() < probability,
    of: (list) => list[below(list.length)]!,
  }
}
