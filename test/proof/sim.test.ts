/**
 * The shipping engine in simulated worlds. What is found here can be looked at with the command that the failure prints; how
 * it works stands in docs/proof/sim.md.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { knownSeeds } from '../../proof/sim/known-seeds.ts'
import { runSeeds } from '../../proof/sim/pool.ts'
import type { SeedReport } from '../../proof/sim/simulation.ts'
import { GENERATOR } from '../../proof/sim/world.ts'

const main = join(import.meta.dirname, '../../proof/sim/main.ts')

/** Runs seeds in one process beside this one. */
async function reportsOf(
  seeds: Iterable<number>,
  options: { plant?: string; lite?: boolean } = {},
): Promise<SeedReport[]> {
  const reports: SeedReport[] = []
  await runSeeds({ seeds, procs: 1, ...options, told: (report) => reports.push(report) > 0 })
  return reports
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

function breachesOf(reports: readonly SeedReport[]): string[] {
  return reports.flatMap(({ seed, violations }) =>
    violations.map(({ checker, what }) => `npm run sim -- --seed ${seed}: ${checker}: ${what}`),
  )
}

function command(...args: string[]): { status: number | null; lines: string[]; errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { status, lines: stdout.trimEnd().split('\n'), errors: stderr }
}

describe('the engine in simulated worlds', () => {
  // Six times fifty, so that none of them comes near the time limit of a test on a busy machine.
  for (const from of [1, 51, 101, 151, 201, 251]) {
    test(`keeps every invariant in the worlds of the seeds ${from} to ${from + 49}`, async () => {
      const reports = await reportsOf(range(from, 50))
      assert.deepEqual(breachesOf(reports), [])
      assert.equal(reports.length, 50)
    })
  }

  test('keeps them in every world that it once failed in', async () => {
    assert.deepEqual(breachesOf(await reportsOf(knownSeeds())), [])
  })

  test('keeps them without any fault, too', async () => {
    const reports = await reportsOf(range(1, 5), { lite: true })
    assert.deepEqual(breachesOf(reports), [])
    assert.deepEqual(
      reports.map(({ faults }) => faults),
      [0, 0, 0, 0, 0],
    )
  })

  test('does the same for the same seed, event by event', async () => {
    const digests = async (): Promise<string[]> => (await reportsOf(range(1, 8))).map(({ digest }) => digest)
    const once = await digests()
    assert.deepEqual(await digests(), once)
    assert.equal(new Set(once).size, once.length)
  })
})

describe('the list of seeds that failed', () => {
  test('leaves out those of other generators', () => {
    assert.deepEqual(knownSeeds(`# a comment\n${GENERATOR} 12 x y\n${GENERATOR - 1} 13 x y\n`), [12])
  })

  test('is refused when a line names no seed', () => {
    assert.throws(() => knownSeeds('held-once 5\n'), /seeds\.txt: got "held-once 5"/)
  })
})

describe('npm run sim', () => {
  test('prints the first seed first, and ends with one object under --json', () => {
    const { status, lines } = command('--seeds', '2', '--from', '7', '--jobs', '1', '--json')
    assert.deepEqual([status, lines[0]], [0, 'seeds 7 to 8'])
    const found = JSON.parse(lines.at(-1)!) as Record<string, unknown>
    assert.deepEqual(Object.keys(found), [
      'seeds',
      'steps',
      'faults',
      'violations',
      'simulatedHours',
      'seconds',
      'failing',
    ])
    assert.deepEqual([found['seeds'], found['violations'], found['failing']], [2, 0, []])
  })

  test('says of a seed that fails how to replay it, and exits with 1', () => {
    const { status, lines } = command('--seeds', '1', '--from', '1', '--plant', 'acknowledge-early', '--json')
    assert.equal(status, 1)
    assert.equal(
      lines.includes('Seed 1 fails. To see all of it: npm run sim -- --seed 1 --plant acknowledge-early'),
      true,
    )
    assert.deepEqual((JSON.parse(lines.at(-1)!) as { failing: number[] }).failing, [1])
  })

  test('shows each event of one seed', () => {
    const { status, lines } = command('--seed', '1')
    assert.deepEqual([status, lines[0]], [0, 'seed 1'])
    assert.equal(lines.filter((line) => / begin /.test(line)).length > 0, true)
  })

  test('exits with 2 when it is told what it does not understand', () => {
    const misuse: Record<string, RegExp> = {
      '--seeds=0': /--seeds: got "0"; give a whole number from 1\./,
      '--seed=x': /--seed: got "x"; give a whole number from 0\./,
      '--plant=nothing': /--plant: got "nothing"; the plants of this lane are /,
      '--sedes=5': /Unknown option '--sedes'/,
    }
    for (const [argument, message] of Object.entries(misuse)) {
      const { status, errors } = command(argument)
      assert.equal(status, 2, argument)
      assert.match(errors, message)
    }
    assert.equal(command('--seed', '1', '--seeds', '5').status, 2)
  })
})
