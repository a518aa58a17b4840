/** Each fault of the zoo's lane `sim` is planted into the sources, and the simulation has to find it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runSeeds } from '../../proof/sim/pool.ts'
import { SIM_PLANTS } from '../../proof/zoo/sim-plants.ts'

/** Every fault is found within so many seeds. */
const SEEDS_MAX = 150

/** Where to begin with the rarer ones, so that they are found at once: write it anew when the generator changes. */
const FROM: Readonly<Record<string, number>> = {
  'wall-clock-lease': 491,
  'drop-refused-outcomes': 28,
  'stop-forgets-outcomes': 38,
  'buffer-without-limit': 11,
  'timer-left-behind': 39,
}

describe('the simulation', () => {
  for (const { name, says } of SIM_PLANTS) {
    test(`finds "${name}": ${says}`, async (t) => {
      const from = FROM[name] ?? 1
      const seeds = Array.from({ length: SEEDS_MAX }, (_, i) => from + i)
      let found: string | undefined
      await runSeeds({
        seeds,
        procs: 1,
        plant: name,
        told: ({ seed, violations }) => {
          const [first] = violations
          if (first !== undefined) found = `seed ${seed}, ${first.checker}`
          return found === undefined
        },
      })
      assert.notEqual(found, undefined)
      t.diagnostic(found!)
    })
  }
})
