/**
 * Benchmarks, each as ratios measured in one run: `npm run bench -- http`, `npm run bench -- throughput`.
 * `--json` prints one JSON object on the last line, under the keys of docs/performance.md; `--rounds N`, `--seconds N`.
 */
import { parseArgs } from 'node:util'
import { benchHttp } from './http.ts'
import { printReport, type Report } from './report.ts'
import { benchThroughput } from './throughput.ts'

const BENCHES: Record<string, (settings: { rounds: number; seconds: number }) => Promise<Report>> = {
  http: benchHttp,
  throughput: benchThroughput,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
  },
})

const name = positionals[0] ?? ''
const bench = BENCHES[name]
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
if (bench === undefined || positionals.length > 1) {
  console.error(`Usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--json] [--rounds N] [--seconds N]`)
  process.exit(2)
}
if (!Number.isInteger(rounds) || rounds < 1 || !(seconds > 0)) {
  console.error(
    `--rounds must be an integer from 1 and --seconds a number above 0, got ${values.rounds} and ${values.seconds}.`,
  )
  process.exit(2)
}

const report = await bench({ rounds, seconds })
printReport(report, values.json)
if (report.wrong.length > 0) process.exitCode = 1
