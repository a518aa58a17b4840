import type { Chance } from '../../src/ports/chance.ts'

/**
 * Chance that a seed decides: the same seed, the same numbers.
 *
 * @source mulberry32, Tommy Ettinger, 2017; public domain.
 */
export function seededChance(seed: number): Chance & { readonly below: (n: number) => number } {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { fraction, below: (n) => Math.floor(fraction() * n) }
}
