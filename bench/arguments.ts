import { parseArgs } from 'node:util'
import { BENCH_NAMES, type BenchName } from './figures.ts'

/** What the command line asks for. */
export interface Arguments {
  readonly names: readonly BenchName[]
  readonly json: boolean
  readonly save: boolean
  readonly peers: boolean
  /** In the place of what each benchmark usually takes. */
  readonly rounds: number | undefined
  readonly seconds: number | undefined
}

/** How the command is used. */
export const USAGE = `Usage: npm run bench -- ${[...BENCH_NAMES, 'all'].join('|')} [--json] [--save] [--no-peers] [--rounds N] [--seconds N]`

/** Reads the command line; a string says in one line what is wrong with it. */
export function readArguments(args: readonly string[]): Arguments | string {
  let parsed
  try {
    parsed = parse(args)
  } catch (error) {
    return (error as Error).message.split('\n')[0]!
  }
  const { values, positionals } = parsed
  const names = BENCH_NAMES.filter((name) => positionals[0] === 'all' || positionals[0] === name)
  if (positionals.length !== 1 || names.length === 0) {
    return `Name one benchmark, or all: got ${positionals.length === 0 ? 'none' : positionals.join(' ')}.`
  }
  const [rounds, seconds] = [values.rounds, values.seconds].map((text) =>
    text === undefined ? undefined : Number(text),
  )
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1)) {
    return `--rounds must be an integer from 1, got ${values.rounds}.`
  }
  if (seconds !== undefined && !(seconds >= 0.05 && seconds <= 600)) {
    return `--seconds must be from 0.05 to 600, got ${values.seconds}.`
  }
  return { names, json: values.json, save: values.save, peers: !values['no-peers'], rounds, seconds }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      'no-peers': { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  })
}
