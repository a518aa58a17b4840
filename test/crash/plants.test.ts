/** The lane `crash` is tried itself: each fault that is planted into the sources of the servers has to be found. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, test } from 'node:test'
import { reportLines } from '../../proof/crash/report.ts'
import { crashRun } from '../../proof/crash/run.ts'
import { CRASH_PLANTS } from '../../proof/zoo/crash-plants.ts'
import { CRASH_TRIALS } from '../../proof/zoo/crash-trials.ts'

describe('a planted fault is found by its kind:', { concurrency: 3, timeout: 180_000 }, () => {
  for (const { name: plant, says } of CRASH_PLANTS) {
    test(`${plant}. ${says}`, async (t) => {
      const { kinds, settings } = CRASH_TRIALS[plant]!
      const seed = randomInt(2 ** 31)
      t.diagnostic(`npm run crash -- --plant ${plant} --seed ${seed}`)
      const bounds = { tasks: undefined, kills: undefined, seconds: undefined }
      const report = await crashRun({ seed, servers: 2, plant, ...bounds, ...settings })
      if (report.skipped.length > 0) return t.skip(report.skipped.join('; '))
      const found = kinds.some((kind) => kind in report.violations_by_kind)
      assert.ok(found, `expected ${kinds.join(' or ')}\n${[...reportLines(report)].join('\n')}`)
    })
  }

  test('every plant has a trial, and every trial a plant', () => {
    const names = CRASH_PLANTS.map(({ name }) => name)
    assert.deepEqual(Object.keys(CRASH_TRIALS).toSorted(), names.toSorted())
  })
})
