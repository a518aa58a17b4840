import type { FaultName } from '../crash/faults.ts'
import type { Data } from '../crash/ledger/bank.ts'

/** How a plant of the plan `ledger` is tried: what brings it out within seconds, and what it has to be caught for. */
export interface LedgerTrial {
  /** One of these has to be among the kinds of the violations. */
  readonly kinds: readonly string[]
  readonly settings: {
    readonly data: Data
    readonly faults: readonly FaultName[]
    readonly inflictions: number
    /** Acknowledged before each fault. */
    readonly tasksBetween: number
    readonly trouble: number
    readonly longShare: number
    readonly stallMs: number
  }
}

/** Of the transfers, where a server that is held has to be in the middle of some, and the lock of the file mostly free. */
const MANY_LONG = 0.6

/** The trial of each plant, by its name. */
export const LEDGER_TRIALS: Readonly<Record<string, LedgerTrial>> = {
  'finish-apart': trial(['twice'], 'store', 'kill when committed', 3),
  'commit-before-finish': trial(['twice'], 'store', 'kill when committed', 3),
  'refused-finish-commits': trial(['twice', 'effect'], 'store', 'hold', 3, MANY_LONG),
  'additions-dropped': trial(['follow-up'], 'store', 'kill when committed', 1),
  'rollback-commits': trial(['twice', 'effect'], 'store', 'kill one', 1),
  'session-unguarded': trial(['phantom'], 'store', 'kill one', 1),
  'outcome-row-ignored': trial(['twice'], 'other', 'kill when committed', 3),
  'outcome-row-apart': trial(['twice'], 'other', 'kill when committed', 3),
}

/** Each fault comes after the load has run for a while, so that it meets something. */
function trial(
  kinds: readonly string[],
  data: Data,
  fault: FaultName,
  inflictions: number,
  longShare = 0.05,
): LedgerTrial {
  return {
    kinds,
    settings: { data, faults: [fault], inflictions, tasksBetween: 100, trouble: 4, longShare, stallMs: 3_000 },
  }
}
