/**
 * Benchmarks, each as ratios measured in one run: `npm run bench -- http`. `all` runs all of them; `--json` prints one JSON
 * object on the last line, `--save` writes it to bench/results/latest.json, from which docs/performance.md is made.
 */
import { readArguments, USAGE } from './arguments.ts'
import { exitOnSignals } from './at-exit.ts'
import { benchBacklog } from './backlog.ts'
import { benchBlocking } from './blocking.ts'
import type { BenchName } from './figures.ts'
import { benchHttp } from './http.ts'
import { benchIdle } from './idle.ts'
import { benchLatency } from './latency.ts'
import { benchMemory } from './memory.ts'
import { benchPulse } from './pulse.ts'
import { printReport, type Report, toJson } from './report.ts'
import { save } from './results.ts'
import { benchSession } from './session.ts'
import type { BenchSettings } from './settings.ts'
import { benchThroughput } from './throughput.ts'

interface Bench {
  readonly run: (settings: BenchSettings) => Promise<Report>
  /** What it takes to be calm about a figure; the whole of `all` takes about twenty minutes. */
  readonly rounds: number
  readonly seconds: number
  readonly peersEvery: number
}

const BENCHES: Readonly<Record<BenchName, Bench>> = {
  // A server that has stood still comes back into its caches during the first half second.
  http: { run: benchHttp, rounds: 12, seconds: 1.5, peersEvery: 3 },
  throughput: { run: benchThroughput, rounds: 24, seconds: 0.5, peersEvery: 3 },
  latency: { run: benchLatency, rounds: 5, seconds: 1.5, peersEvery: 1 },
  backlog: { run: benchBacklog, rounds: 20, seconds: 0.4, peersEvery: 1 },
  idle: { run: benchIdle, rounds: 3, seconds: 10, peersEvery: 1 },
  memory: { run: benchMemory, rounds: 12, seconds: 0.5, peersEvery: 1 },
  blocking: { run: benchBlocking, rounds: 10, seconds: 2, peersEvery: 1 },
  pulse: { run: benchPulse, rounds: 30, seconds: 1, peersEvery: 1 },
  session: { run: benchSession, rounds: 16, seconds: 0.3, peersEvery: 1 },
}

const given = readArguments(process.argv.slice(2))
if (typeof given === 'string') {
  console.error(`${given}\n${USAGE}`)
  process.exit(2)
}
exitOnSignals()
// What a benchmark stops on purpose is worth no warning.
process.env['AFTERWORD_LOG'] ??= 'error'
const reports: Report[] = []
for (const name of given.names) {
  const { run, ...usual } = BENCHES[name]
  const settings: BenchSettings = {
    rounds: given.rounds ?? usual.rounds,
    seconds: given.seconds ?? usual.seconds,
    peers: given.peers,
    peersEvery: usual.peersEvery,
  }
  const report = await run(settings)
  printReport(report)
  reports.push(report)
  if (given.save) save(report, settings)
}
if (given.json) console.log(JSON.stringify(toJson(reports)))
if (reports.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1
