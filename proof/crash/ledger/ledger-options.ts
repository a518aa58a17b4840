import { LEDGER_TRIALS } from '../../zoo/ledger-trials.ts'
import type { Data } from './bank.ts'
import type { LedgerSettings } from './run.ts'

/** Where the accounts of a ledger can be. */
export const DATA = ['store', 'other', 'postgres'] as const satisfies readonly Data[]

/** What is done when nothing is said: 20,000 transfers are made when one in twenty is cancelled or given up. It takes one to two minutes. */
const DEFAULT_BOUNDS = { tasks: 21_500, kills: 40, seconds: undefined }
const PAUSE_MS = { min: 0, max: 200 }
const BETWEEN = { min: 20, max: 400 }
/** Of the transfers of a run, so many are acknowledged between the faults and not while one is carried out. */
const SHARE_BETWEEN = 0.7

/** What of the command line makes the settings of a ledger. */
export interface LedgerGiven {
  readonly seed: number
  readonly servers: number | undefined
  readonly bounds: {
    readonly tasks: number | undefined
    readonly kills: number | undefined
    readonly seconds: number | undefined
  }
  readonly data: Data | undefined
  readonly plant: string | undefined
}

/** Spreads the kills over the transfers; a plant brings along what shows it. */
export function ledgerSettings({ seed, servers = 3, bounds: given, data, plant }: LedgerGiven): LedgerSettings {
  const trial = plant === undefined ? undefined : LEDGER_TRIALS[plant]
  const isBounded = trial !== undefined || Object.values(given).some((bound) => bound !== undefined)
  const bounds = isBounded ? given : DEFAULT_BOUNDS
  const between = Math.round((SHARE_BETWEEN * (bounds.tasks ?? 0)) / (bounds.kills ?? 1))
  return {
    ...bounds,
    seed,
    servers,
    data: data ?? 'store',
    pauseMs: PAUSE_MS,
    tasksBetween: Math.min(Math.max(between, BETWEEN.min), BETWEEN.max),
    ...(plant === undefined ? {} : { plant, ...trial?.settings }),
  }
}
