import type { FaultName } from '../crash/faults.ts'

/** How a plant of the lane `crash` is tried: what brings it out within seconds, and what it has to be caught for. */
export interface CrashTrial {
  /** One of these has to be among the kinds of the violations. */
  readonly kinds: readonly string[]
  readonly settings: {
    readonly faults: readonly FaultName[]
    readonly inflictions: number
    /** Acknowledged before each fault. */
    readonly tasksBetween: number
    readonly longShare: number
    readonly stallMs: number
  }
}

/** Of the tasks, where a fault has to meet running ones: more than there are places for. */
const MANY_LONG = 0.4

/** The trial of each plant, by its name. */
export const CRASH_TRIALS: Readonly<Record<string, CrashTrial>> = {
  'drop-commit': trial(['lost'], 'kill one', 1),
  'head-before-commit': trial(['lost'], 'kill one', 3),
  'double-claim': trial(['overlap', 'claim', 'duplicate'], 'kill one', 3),
  'pop-before-run': trial(['lost'], 'kill one', 1),
  'stop-drops-outcomes': trial(['duplicate'], 'term', 2),
  'stop-counts-attempt': trial(['attempts'], 'term', 2, MANY_LONG),
  'identity-reused': trial(['liveness'], 'kill all', 2, MANY_LONG),
  'no-rescue': trial(['liveness'], 'kill one', 2, MANY_LONG),
  'sync-error-ignored': trial(['fail-stop'], 'failed sync', 1),
  'series-ignored': trial(['order'], 'kill one', 1),
}

/** Each fault comes after the load has run for a while, so that it meets something. */
function trial(kinds: readonly string[], fault: FaultName, inflictions: number, longShare = 0.04): CrashTrial {
  return { kinds, settings: { faults: [fault], inflictions, tasksBetween: 150, longShare, stallMs: 1_500 } }
}
