/** The plan `ledger` is tried itself: each fault that is planted into the sources of its servers has to be found in the books. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, test } from 'node:test'
import { ledgerReportLines } from '../../proof/crash/ledger/ledger-report.ts'
import { ledgerRun } from '../../proof/crash/ledger/run.ts'
import { LEDGER_PLANTS } from '../../proof/zoo/ledger-plants.ts'
import { LEDGER_TRIALS } from '../../proof/zoo/ledger-trials.ts'

describe('a fault that is planted into a ledger is found by its kind:', { concurrency: 2, timeout: 240_000 }, () => {
  for (const { name: plant, says } of LEDGER_PLANTS) {
    test(`${plant}. ${says}`, async (t) => {
      const { kinds, settings } = LEDGER_TRIALS[plant]!
      const seed = randomInt(2 ** 31)
      t.diagnostic(`npm run crash -- --plant ${plant} --seed ${seed}`)
      const bounds = { tasks: undefined, kills: undefined, seconds: undefined }
      const report = await ledgerRun({ seed, servers: 2, plant, ...bounds, ...settings })
      const found = kinds.some((kind) => kind in report.violations_by_kind)
      assert.ok(found, `expected ${kinds.join(' or ')}\n${[...ledgerReportLines(report)].join('\n')}`)
    })
  }

  test('every plant of the ledger has a trial, and every trial a plant', () => {
    const names = LEDGER_PLANTS.map(({ name }) => name)
    assert.deepEqual(Object.keys(LEDGER_TRIALS).toSorted(), names.toSorted())
  })
})
