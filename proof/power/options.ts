import { parseArgs } from 'node:util'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'
import { POWER_PLANTS } from '../zoo/power-plants.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'

/** What `npm run power` was asked for. */
export interface Options {
  readonly images: number
  readonly seed: number
  readonly modes: readonly SyncMode[]
  /** What to do: cut the power, fail calls, or both. */
  readonly parts: readonly ('images' | 'faults')[]
  readonly faults: readonly FaultKind[]
  readonly json: boolean
  readonly plant: string | undefined
  /** A recording that an earlier run kept, to be looked at once more; nothing is recorded then. */
  readonly recording: string | undefined
}

const IMAGES = 5_000
const IMAGES_MAX = 10_000_000
const SEED_MAX = 2 ** 31 - 1

/** What `--help` prints. */
export const HELP = `npm run power -- [options]
  --images N       how many images of disks after a power cut (default ${IMAGES})
  --seed N         what chance begins with (default: another each time)
  --mode MODE      inline, async or both (default both): how the store waits for the disk
  --part PART      images, faults or both (default both): cut the power, fail every call once
  --fault KIND     ${FAULT_KINDS.join(', ')} or all (default all): how calls fail
  --plant NAME     with a fault planted, which has to be found: ${POWER_PLANTS.map(({ name }) => name).join(', ')}
  --recording DIR  look once more at a recording that a failed run kept
  --json           one JSON object on the last line`

/** Reads the arguments. Throws an error of one line when they make no sense; undefined: help was asked for. */
export function readOptions(args: readonly string[], randomSeed: number): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      images: { type: 'string', default: String(IMAGES) },
      seed: { type: 'string', default: String(randomSeed) },
      mode: { type: 'string', default: 'both' },
      part: { type: 'string', default: 'both' },
      fault: { type: 'string', default: 'all' },
      json: { type: 'boolean', default: false },
      plant: { type: 'string' },
      recording: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const { plant } = values
  if (plant !== undefined && !POWER_PLANTS.some(({ name }) => name === plant)) {
    const names = POWER_PLANTS.map(({ name }) => name).join(', ')
    throw new Error(`--plant is ${JSON.stringify(plant)}; the faults of this lane are ${names}.`)
  }
  return {
    images: wholeNumber('--images', values.images, 1, IMAGES_MAX),
    seed: wholeNumber('--seed', values.seed, 0, SEED_MAX),
    modes: oneOrAll('--mode', values.mode, ['inline', 'async'], 'both'),
    parts: oneOrAll('--part', values.part, ['images', 'faults'], 'both'),
    faults: oneOrAll('--fault', values.fault, FAULT_KINDS, 'all'),
    json: values.json,
    plant,
    recording: values.recording,
  }
}

function wholeNumber(option: string, given: string, min: number, max: number): number {
  const number = /^\d+$/.test(given) ? Number(given) : NaN
  if (number >= min && number <= max) return number
  throw new Error(`${option} is ${JSON.stringify(given)}; it takes a whole number from ${min} to ${max}.`)
}

function oneOrAll<T extends string>(option: string, given: string, each: readonly T[], all: string): readonly T[] {
  if (given === all) return each
  const one = each.find((name) => name === given)
  if (one !== undefined) return [one]
  throw new Error(`${option} is ${JSON.stringify(given)}; it takes ${each.join(', ')} or ${all}.`)
}
