/**
 * `npm run sim`: the shipping engine in simulated worlds, as many as asked for, each decided by its seed. See docs/proof/sim.md.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { Misuse, readOptions, type SimOptions, USAGE } from './options.ts'
import { runSeeds } from './pool.ts'
import type { SeedReport } from './simulation.ts'

/** So many failing seeds are told in full. */
const TOLD_MAX = 5

process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/node')

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(USAGE)
  else process.exitCode = await run(options)
} catch (error) {
  if (!(error instanceof Misuse)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function run(options: SimOptions): Promise<number> {
  const first = options.seed ?? options.from ?? randomInt(1, 2 ** 31)
  const count = options.seed === undefined ? options.seeds : 1
  console.log(count === 1 ? `seed ${first}` : `seeds ${first} to ${first + count - 1}`)
  const seeds = Array.from({ length: count }, (_, i) => first + i)
  const begunMs = performance.now()
  const sum = { seeds: 0, steps: 0, faults: 0, violations: 0, simulatedHours: 0 }
  const failing: number[] = []
  await runSeeds({
    seeds,
    procs: Math.min(options.procs, count),
    plant: options.plant,
    lite: options.lite,
    verbose: options.seed !== undefined && !options.json,
    told: (report) => {
      sum.seeds++
      sum.steps += report.steps
      sum.faults += report.faults
      sum.violations += report.violations.length
      sum.simulatedHours += report.simulatedMs / 3_600_000
      if (report.violations.length > 0) {
        failing.push(report.seed)
        if (failing.length <= TOLD_MAX) console.log(failureText(report, options))
      }
      return true
    },
  })
  const seconds = Math.round((performance.now() - begunMs) / 100) / 10
  const hours = Math.round(sum.simulatedHours * 100) / 100
  const found = { ...sum, simulatedHours: hours, seconds, failing: failing.toSorted((a, b) => a - b) }
  console.log(options.json ? JSON.stringify(found) : summary(found))
  return failing.length === 0 ? 0 : 1
}

function summary(found: {
  seeds: number
  steps: number
  faults: number
  violations: number
  simulatedHours: number
  seconds: number
  failing: readonly number[]
}): string {
  const line = `${found.seeds} seeds, ${found.steps} steps, ${found.faults} faults, ${found.simulatedHours} simulated hours in ${found.seconds} s`
  if (found.failing.length === 0) return `${line}: no violation.`
  return `${line}: ${found.violations} violations in ${found.failing.length} seeds (${found.failing.slice(0, 20).join(', ')}).`
}

function failureText(report: SeedReport, { plant, lite }: SimOptions): string {
  const flags = `${plant === undefined ? '' : ` --plant ${plant}`}${lite ? ' --lite' : ''}`
  return [
    `\nSeed ${report.seed} fails. To see all of it: npm run sim -- --seed ${report.seed}${flags}`,
    ...report.violations.slice(0, 5).map(({ checker, atMs, what }) => `  ${checker} at ${atMs.toFixed(3)}: ${what}`),
    '  Its last events:',
    ...report.tail.slice(-20).map((line) => `    ${line}`),
  ].join('\n')
}
