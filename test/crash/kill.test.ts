/**
 * What a client was told is kept, is kept. Real HTTP servers share one file under load while they are killed, held and
 * stopped, and their disk fails; the record is judged by the checkers of `proof/crash`. Here run its short forms;
 * `npm run crash` is the long one. `AFTERWORD_SEED` repeats a plan of faults, `AFTERWORD_KILLS` makes it longer.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import type { Report } from '../../proof/crash/report.ts'
import { reportLines } from '../../proof/crash/report.ts'
import { crashRun, type RunSettings } from '../../proof/crash/run.ts'

const KILLS = Number(process.env['AFTERWORD_KILLS'] ?? 20)
const SEED = Number(process.env['AFTERWORD_SEED'] ?? randomInt(2 ** 31))

/** Runs it, and asserts that no checker finds anything. */
async function assertKept(t: TestContext, settings: Partial<RunSettings>): Promise<Report> {
  t.diagnostic(`AFTERWORD_SEED=${SEED} AFTERWORD_KILLS=${KILLS}`)
  const bounds = { tasks: undefined, kills: undefined, seconds: undefined }
  const report = await crashRun({ seed: SEED, servers: 2, ...bounds, ...settings })
  const lines = [...reportLines(report)]
  for (const line of lines) t.diagnostic(line)
  assert.equal(report.violations, 0, lines.join('\n'))
  assert.ok(report.acknowledged > 0)
  return report
}

describe('every acknowledged task runs, in its order and once but for what a fault explains,', () => {
  test('however often its processes are killed', { timeout: 60_000 + KILLS * 3_000 }, async (t) => {
    const report = await assertKept(t, {
      kills: KILLS,
      faults: ['kill one', 'kill all', 'kill while starting'],
      pauseMs: { min: 0, max: 200 },
      tasksBetween: 10,
    })
    assert.ok(report.kills >= KILLS)
  })

  test('when they are held for longer than their lease, stopped in order, or their disk fails', async (t) => {
    const faults = ['stop', 'term', 'full disk', 'failed sync'] as const
    await assertKept(t, { faults, inflictions: 5, pauseMs: { min: 0, max: 200 }, tasksBetween: 10 })
  })
})
