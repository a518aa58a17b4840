/** Each fault of the zoo's lane `sim` is planted into the sources, and the simulation has to find it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runSeeds } from '../../proof/sim/pool.ts'
import { firstSeedOf, SIM_PLANTS } from '../../proof/zoo/sim-plants.ts'

/** Every fault is found within so many seeds. */
const SEEDS_MAX = 150

describe('the simulation', () => {
  for (const { name, says } of SIM_PLANTS) {
    test(`finds "${name}": ${says}`, async (t) => {
      const from = firstSeedOf(name)
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
