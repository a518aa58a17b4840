import { parseArgs } from 'node:util'
import { CRASH_PLANTS } from '../zoo/crash-plants.ts'
import { CRASH_TRIALS } from '../zoo/crash-trials.ts'
import { LEDGER_PLANTS } from '../zoo/ledger-plants.ts'
import { DATA, ledgerSettings } from './ledger/ledger-options.ts'
import type { LedgerSettings } from './ledger/run.ts'
import type { RunSettings } from './run.ts'

/** What the command line asks for: a run of the plan `tasks`, or one of the plan `ledger`. */
export type CrashOptions = { readonly json: boolean } & (
  | { readonly settings: RunSettings }
  | { readonly ledger: LedgerSettings }
)

/** The line that says how it is called. */
export const USAGE =
  'npm run crash -- [--plan tasks|ledger] [--seconds N] [--tasks N | --transfers N] [--kills N] [--seed N] [--servers N] ' +
  '[--data store|other|postgres] [--plant NAME] [--json]'

const DEFAULT_SECONDS = 20
const PLANS = ['tasks', 'ledger'] as const
const OPTIONS = {
  plan: { type: 'string' },
  seconds: { type: 'string' },
  tasks: { type: 'string' },
  transfers: { type: 'string' },
  kills: { type: 'string' },
  seed: { type: 'string' },
  servers: { type: 'string' },
  data: { type: 'string' },
  plant: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/**
 * Reads the arguments.
 *
 * @returns what to do, or one line that says what is wrong with them.
 */
export function readOptions(args: readonly string[], freshSeed: () => number): CrashOptions | string {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    const { plant, json } = values
    const ofLedger = LEDGER_PLANTS.map(({ name }) => name)
    const plants = [...CRASH_PLANTS.map(({ name }) => name), ...ofLedger]
    if (plant !== undefined && !plants.includes(plant)) {
      return `--plant names no fault of this lane: got "${plant}", expected one of ${plants.join(', ')}.`
    }
    const plan = plant === undefined ? oneOf('plan', values.plan, PLANS) : planOfPlant(plant, ofLedger, values.plan)
    const isLedger = plan === 'ledger'
    refuse(isLedger ? 'tasks' : 'transfers', values, isLedger ? 'ledger' : 'tasks')
    if (!isLedger) refuse('data', values, 'tasks')
    const bounds = {
      tasks: integer(isLedger ? 'transfers' : 'tasks', values.tasks ?? values.transfers, 1, 100_000_000),
      kills: integer('kills', values.kills, 1, 1_000_000),
      seconds: integer('seconds', values.seconds, 1, 7 * 24 * 3_600),
    }
    const seed = integer('seed', values.seed, 0, 2 ** 32 - 1) ?? freshSeed()
    const servers = integer('servers', values.servers, 2, 16)
    if (isLedger) {
      return { json, ledger: ledgerSettings({ seed, servers, bounds, data: oneOf('data', values.data, DATA), plant }) }
    }
    const trial = plant === undefined ? undefined : CRASH_TRIALS[plant]
    const isBounded = trial !== undefined || Object.values(bounds).some((bound) => bound !== undefined)
    return {
      json,
      settings: {
        ...(isBounded ? bounds : { ...bounds, seconds: DEFAULT_SECONDS }),
        seed,
        servers: servers ?? 2,
        ...(plant === undefined ? {} : { plant, ...trial?.settings }),
      },
    }
  } catch (error) {
    return `${(error as Error).message.split('\n')[0]} Usage: ${USAGE}`
  }
}

/** A plant belongs to one plan, and need not be told which. */
function planOfPlant(plant: string, ofLedger: readonly string[], given: string | undefined): string {
  const plan = ofLedger.includes(plant) ? 'ledger' : 'tasks'
  if (given === undefined || given === plan) return plan
  throw new Error(`--plant ${plant} is a fault of the plan ${plan}, got --plan "${given}".`)
}

function refuse(name: 'tasks' | 'transfers' | 'data', values: Readonly<Record<string, unknown>>, plan: string): void {
  if (values[name] !== undefined) throw new Error(`--${name} is no option of the plan ${plan}.`)
}

function oneOf<Name extends string>(
  option: string,
  given: string | undefined,
  names: readonly Name[],
): Name | undefined {
  const name = names.find((name) => name === given)
  if (name !== undefined || given === undefined) return name
  throw new Error(`--${option} takes one of ${names.join(', ')}, got "${given}".`)
}

function integer(name: string, given: string | undefined, min: number, max: number): number | undefined {
  if (given === undefined) return undefined
  const value = /^\d+$/.test(given) ? Number(given) : NaN
  if (value >= min && value <= max) return value
  throw new Error(`--${name} takes an integer from ${min} to ${max}, got "${given}".`)
}
