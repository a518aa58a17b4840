import { test } from './case.ts'
import { type Step, walk } from './walk.ts'

const WALKS = 8
const STEPS = 100
const NUMBERS = 24

/** Numbers that depend on the seed alone. @source "mulberry32", Tommy Ettinger, 2017; public domain. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % 1_000
  }
}

function steps(seed: number): Step[] {
  const next = numbers(seed)
  return Array.from({ length: STEPS }, () => Array.from({ length: NUMBERS }, next))
}

/** Long mixed histories, compared step by step with the plainest program that keeps the contract. */
export const walks = Array.from({ length: WALKS }, (_, seed) =>
  test(`after ${STEPS} random steps (seed ${seed}) every task stands where it should`, (world) =>
    walk(world, steps(seed))),
)
