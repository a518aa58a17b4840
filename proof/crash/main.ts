/**
 * Kills real servers under real load, and judges what is left: docs/proof/crash.md.
 *
 *     npm run crash -- --seconds 60 --json
 *     npm run crash -- --plan ledger
 */
import { randomInt } from 'node:crypto'
import { ledgerReportLines } from './ledger/ledger-report.ts'
import { ledgerRun, type LedgerSettings } from './ledger/run.ts'
import { readOptions } from './options.ts'
import { reportLines } from './report.ts'
import { crashRun, type RunSettings } from './run.ts'

const options = readOptions(process.argv.slice(2), () => randomInt(2 ** 32))
if (typeof options === 'string') {
  console.error(options)
  process.exit(2)
}

const settings = 'ledger' in options ? options.ledger : options.settings
// Its servers and its disk go with it.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))
console.log(`seed ${settings.seed}`)
const { lines, figures, given } =
  'ledger' in options ? await ledgerJudged(options.ledger) : await tasksJudged(options.settings)
for (const line of lines) console.log(line)
if (figures.violations > 0) {
  process.exitCode = 1
  const again = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]))
  console.log(`To replay its faults: npm run crash -- --seed ${settings.seed} ${again.join(' ')}`)
}
if (options.json) {
  const { shown: _, ...rest } = figures
  console.log(JSON.stringify(rest))
}

/** Real processes repeat nothing exactly: what they left stays when something is wrong with it. */
async function tasksJudged(settings: RunSettings) {
  const { tasks, kills, seconds, servers, plant } = settings
  const figures = await crashRun({ ...settings, keeps: plant === undefined })
  return { figures, lines: reportLines(figures), given: { tasks, kills, seconds, servers, plant } }
}

async function ledgerJudged(settings: LedgerSettings) {
  const { tasks: transfers, kills, seconds, servers, plant, data } = settings
  const figures = await ledgerRun({ ...settings, keeps: plant === undefined })
  const given = { plan: 'ledger', data, transfers, kills, seconds, servers, plant }
  return { figures, lines: ledgerReportLines(figures), given }
}
