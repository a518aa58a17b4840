import type { FaultName } from '../crash/faults.ts'

/** How a plant of the lane `crash` is tried: what brings it out within seconds, and what it has to be caught for. */
export interface CrashTrial {
  /** One of these has to be among the kinds of the violations. */
  readonly kinds: readonly string[]
  readonly settings: {
    readonly faults: readonly FaultName[]
    readonly inflictions: number
    readonly pauseMs: { readonly min: number; readonly max: number }
    readonly stallMs: number
  }
}

/** The trial of each plant, by its name. */
export const CRASH_TRIALS: Readonly<Record<string, CrashTrial>> = {
  'drop-commit': trial('lost', 'kill one', 1),
  'acknowledge-early': trial('lost', 'kill one', 2),
  'double-claim': trial('overlap|claim', 'kill one', 2),
  'pop-before-run': trial('lost', 'kill one', 1),
  'stop-forgets-outcomes': trial('duplicate', 'term', 2),
  'stop-counts-attempt': trial('attempts', 'term', 3),
  'identity-reused': trial('liveness', 'kill all', 2),
  'no-rescue': trial('liveness', 'kill one', 2),
  'sync-error-ignored': trial('fail-stop', 'failed sync', 1),
  'series-ignored': trial('order', 'kill one', 1),
}

/** Each fault comes after the load has run for a while, so that it meets something. */
function trial(kinds: string, fault: FaultName, inflictions: number): CrashTrial {
  return {
    kinds: kinds.split('|'),
    settings: { faults: [fault], inflictions, pauseMs: { min: 200, max: 400 }, stallMs: 1_500 },
  }
}
