import { parseArgs } from 'node:util'
import { plantNamed, ZOO } from '../zoo/zoo.ts'

/** What `npm run sim` is told. */
export interface SimOptions {
  readonly seeds: number
  /** One seed, with all its events. */
  readonly seed: number | undefined
  readonly from: number | undefined
  readonly procs: number
  readonly json: boolean
  readonly plant: string | undefined
  readonly lite: boolean
  readonly help: boolean
}

/** The command was told something that it does not understand. */
export class Misuse extends Error {}

/** What `--help` prints. */
export const USAGE = `npm run sim -- [options]
  --seeds N     how many seeds to run; 300 by default
  --from N      the first of them; by default one by chance, which is printed
  --seed N      this seed alone, with each of its events
  --jobs N      how many processes run seeds side by side; 2 by default
  --lite        the same worlds without any fault
  --plant NAME  with a fault of the zoo (proof/zoo/sim-plants.ts) in the sources
  --json        the last line is one JSON object: seeds, steps, faults, violations, simulatedHours, seconds, failing
Exits with 1 when an invariant was broken.`

/** @throws Misuse. */
export function readOptions(args: readonly string[]): SimOptions {
  const values = parse(args)
  const { plant, seed } = values
  if (plant !== undefined && plantNamed(plant)?.lane !== 'sim') {
    const names = ZOO.filter(({ lane }) => lane === 'sim').map(({ name }) => name)
    throw new Misuse(`--plant: got "${plant}"; the plants of this lane are ${names.join(', ')}.`)
  }
  if (seed !== undefined && (values.seeds !== undefined || values.from !== undefined)) {
    throw new Misuse('--seed runs one seed: leave --seeds and --from away.')
  }
  return {
    seeds: whole('seeds', values.seeds, 1) ?? 300,
    seed: whole('seed', seed, 0),
    from: whole('from', values.from, 0),
    procs: whole('jobs', values.jobs, 1) ?? 2,
    json: values.json === true,
    plant,
    lite: values.lite === true,
    help: values.help === true,
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = { seeds: text, seed: text, from: text, jobs: text, json: flag, plant: text, lite: flag, help: flag }
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new Misuse(`${(error as Error).message.split('\n')[0]}\n${USAGE}`)
  }
}

function whole(name: string, given: string | undefined, min: number): number | undefined {
  if (given === undefined) return undefined
  const value = Number(given)
  if (!/^\d+$/.test(given) || value < min || value > Number.MAX_SAFE_INTEGER) {
    throw new Misuse(`--${name}: got "${given}"; give a whole number from ${min}.`)
  }
  return value
}
