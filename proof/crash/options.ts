import { parseArgs } from 'node:util'
import { CRASH_PLANTS } from '../zoo/crash-plants.ts'
import { CRASH_TRIALS } from '../zoo/crash-trials.ts'
import type { RunSettings } from './run.ts'

/** What the command line asks for. */
export interface CrashOptions {
  readonly settings: RunSettings
  readonly json: boolean
}

/** The line that says how it is called. */
export const USAGE =
  'npm run crash -- [--seconds N] [--tasks N] [--kills N] [--seed N] [--servers N] [--plant NAME] [--json]'

const DEFAULT_SECONDS = 20

/**
 * Reads the arguments.
 *
 * @returns what to do, or one line that says what is wrong with them.
 */
export function readOptions(args: readonly string[], freshSeed: () => number): CrashOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string' },
        tasks: { type: 'string' },
        kills: { type: 'string' },
        seed: { type: 'string' },
        servers: { type: 'string' },
        plant: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const { plant } = values
    const plants = CRASH_PLANTS.map(({ name }) => name)
    if (plant !== undefined && !plants.includes(plant)) {
      return `--plant names no fault of this lane: got "${plant}", expected one of ${plants.join(', ')}.`
    }
    const bounds = {
      tasks: integer('tasks', values.tasks, 1, 100_000_000),
      kills: integer('kills', values.kills, 1, 1_000_000),
      seconds: integer('seconds', values.seconds, 1, 7 * 24 * 3_600),
    }
    const trial = plant === undefined ? undefined : CRASH_TRIALS[plant]
    const isBounded = trial !== undefined || Object.values(bounds).some((bound) => bound !== undefined)
    return {
      json: values.json,
      settings: {
        ...(isBounded ? bounds : { ...bounds, seconds: DEFAULT_SECONDS }),
        seed: integer('seed', values.seed, 0, 2 ** 32 - 1) ?? freshSeed(),
        servers: integer('servers', values.servers, 2, 16) ?? 2,
        ...(plant === undefined ? {} : { plant, ...trial?.settings }),
      },
    }
  } catch (error) {
    return `${(error as Error).message.split('\n')[0]} Usage: ${USAGE}`
  }
}

function integer(name: string, given: string | undefined, min: number, max: number): number | undefined {
  if (given === undefined) return undefined
  const value = /^\d+$/.test(given) ? Number(given) : NaN
  if (value >= min && value <= max) return value
  throw new Error(`--${name} takes an integer from ${min} to ${max}, got "${given}".`)
}
