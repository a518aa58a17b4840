/** Runs one lane as its user would, with or without a plant, and reads what it found. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Lane, Plant } from './plant.ts'
import { firstSeedOf } from './sim-plants.ts'

/** Every lane, in the order in which they are tried: the quickest first. */
export const LANES: readonly Lane[] = ['model', 'sim', 'power', 'crash']

/** A lane that takes longer than this hangs. */
const RUN_MS_MAX = 10 * 60_000

/** What a lane is told to be done soon: without a plant, and with one. */
const SHORT: Readonly<
  Record<Lane, { readonly clean: readonly string[]; readonly planted: (plant: Plant) => readonly string[] }>
> = {
  model: {
    clean: ['--scope', 'small'],
    // A fault of the store is invisible to the modes that run without it.
    planted: ({ edits }) => {
      const isOfStore = edits.every(({ file }) => file.startsWith('src/'))
      return ['--scope', 'small', '--mode', isOfStore ? 'store' : 'all']
    },
  },
  sim: { clean: ['--seeds', '20'], planted: ({ name }) => ['--seeds', '60', '--from', String(firstSeedOf(name))] },
  power: { clean: ['--images', '400'], planted: () => ['--images', '400'] },
  crash: { clean: ['--seconds', '8'], planted: () => [] },
}

const root = join(import.meta.dirname, '../..')

/** What one run of a lane showed. `skipped`: it cannot run on this machine; `broken`: it said neither yes nor no. */
export interface LaneRun {
  readonly outcome: 'clean' | 'violation' | 'skipped' | 'broken'
  readonly seconds: number
  /** What it reported, in one line. */
  readonly says: string
  /** The object of its last line. */
  readonly report: Readonly<Record<string, unknown>>
}

/** Runs the lane with short settings. */
export async function runLane(lane: Lane, plant?: Plant): Promise<LaneRun> {
  const program = `proof/${lane}/main.ts`
  const begunMs = performance.now()
  if (!existsSync(join(root, program))) return broken(0, `there is no ${program}`)
  const { clean, planted } = SHORT[lane]
  const args = plant === undefined ? clean : [...planted(plant), '--plant', plant.name]
  const child = spawn(process.execPath, [program, ...args, '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  })
  const exit = once(child, 'close') as Promise<[code: number | null]>
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  const seconds = Math.round(performance.now() - begunMs) / 1000
  return judged(code, seconds, output, errors)
}

/** Whether a run went as it has to: something found with a plant, nothing without; skipped only where that is allowed. */
export function isGood({ outcome }: LaneRun, isPlanted: boolean, mustRun: boolean): boolean {
  if (outcome === 'skipped') return !mustRun
  return outcome === (isPlanted ? 'violation' : 'clean')
}

/** What the exit code and the last line of a lane say. */
export function judged(code: number | null, seconds: number, output: string, errors: string): LaneRun {
  const report = lastLine(output)
  if (code === 2 || report === undefined) return broken(seconds, `exit code ${code}: ${firstLine(errors)}`)
  const violations = Number(report['violations'])
  const skipped = Array.isArray(report['skipped']) ? report['skipped'].map(String) : []
  if (code === 0 && skipped.length > 0) return { outcome: 'skipped', seconds, says: skipped.join(', '), report }
  if (code === 0 && violations === 0) return { outcome: 'clean', seconds, says: 'nothing', report }
  if (code === 1 && violations > 0) return { outcome: 'violation', seconds, says: found(report, violations), report }
  return broken(seconds, `exit code ${code} with ${String(report['violations'])} violations`)
}

function broken(seconds: number, says: string): LaneRun {
  return { outcome: 'broken', seconds, says, report: {} }
}

function lastLine(output: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
  } catch {
    return undefined
  }
}

function firstLine(errors: string): string {
  return errors.split('\n').find((line) => line.trim() !== '') ?? 'it said nothing'
}

/** Lanes name what they found under `found`, or count it by kind. */
function found({ found, kinds }: Record<string, unknown>, violations: number): string {
  if (typeof found === 'string') return found
  const count = `${violations} violation${violations === 1 ? '' : 's'}`
  return typeof kinds === 'object' && kinds !== null ? `${count}: ${Object.keys(kinds).join(', ')}` : count
}
