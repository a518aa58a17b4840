/**
 * Effects happen exactly once. Real servers move money between accounts while they are killed, at random and between a write and
 * its commit; in the end the books have to be right to the cent. `npm run crash -- --plan ledger` is the long form.
 * `AFTERWORD_SEED` repeats a plan of faults.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import type { Data } from '../../proof/crash/ledger/bank.ts'
import { type LedgerReport, ledgerReportLines } from '../../proof/crash/ledger/ledger-report.ts'
import { LEDGER_FAULTS, ledgerRun, type LedgerSettings } from '../../proof/crash/ledger/run.ts'
import { skipPostgres } from '../support/databases.ts'

const SEED = Number(process.env['AFTERWORD_SEED'] ?? randomInt(2 ** 31))
/** A held server costs two seconds and more; the long form holds some. */
const KILLS = LEDGER_FAULTS.filter((name) => name.startsWith('kill'))

/** Runs it, and asserts that the books are right. */
async function assertExact(t: TestContext, data: Data, settings: Partial<LedgerSettings>): Promise<LedgerReport> {
  t.diagnostic(`AFTERWORD_SEED=${SEED}`)
  const bounds = { tasks: undefined, kills: undefined, seconds: undefined }
  const report = await ledgerRun({ seed: SEED, servers: 2, data, trouble: 4, faults: KILLS, ...bounds, ...settings })
  const lines = [...ledgerReportLines(report)]
  for (const line of lines) t.diagnostic(line)
  assert.equal(report.violations, 0, lines.join('\n'))
  return report
}

describe('every transfer that was acknowledged happens exactly once, to the cent,', { timeout: 120_000 }, () => {
  test('when its accounts are in the database of the store', async (t) => {
    const report = await assertExact(t, 'store', { tasks: 400, kills: 5, tasksBetween: 50 })
    assert.ok(report.kills >= 5)
    assert.ok(report.done > 300)
  })

  test('when they are in another database', async (t) => {
    const report = await assertExact(t, 'other', { tasks: 200, kills: 3, tasksBetween: 40 })
    assert.ok(report.kills >= 3)
    assert.ok(report.done > 150)
  })

  test('when they are in Postgres', { skip: skipPostgres }, async (t) => {
    const report = await assertExact(t, 'postgres', { tasks: 200, kills: 3, tasksBetween: 40 })
    assert.ok(report.kills >= 3)
    assert.ok(report.done > 150)
  })
})
