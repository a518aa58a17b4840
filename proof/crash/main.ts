/**
 * Kills real servers under real load, and judges what is left: docs/proof/crash.md.
 *
 *     npm run crash -- --seconds 60 --json
 */
import { randomInt } from 'node:crypto'
import { readOptions } from './options.ts'
import { reportLines } from './report.ts'
import { crashRun } from './run.ts'

const options = readOptions(process.argv.slice(2), () => randomInt(2 ** 32))
if (typeof options === 'string') {
  console.error(options)
  process.exit(2)
}

const { settings, json } = options
// Its servers and its disk go with it.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))
console.log(`seed ${settings.seed}`)
const report = await crashRun({ ...settings, keeps: settings.plant === undefined })
for (const line of reportLines(report)) console.log(line)
if (report.violations > 0) {
  process.exitCode = 1
  const given = ['tasks', 'kills', 'seconds', 'servers', 'plant'] as const
  const again = given.flatMap((name) => (settings[name] === undefined ? [] : [`--${name} ${settings[name]}`]))
  console.log(`To replay its faults: npm run crash -- --seed ${settings.seed} ${again.join(' ')}`)
}
if (json) {
  const { shown: _, ...figures } = report
  console.log(JSON.stringify(figures))
}
