import type { FaultName } from '../crash/faults.ts'

/** How a plant of the lane `crash` is tried: what brings it out within seconds, and what it has to be caught for. */
export interface CrashTrial {
  /** One of these has to be among the kinds of the violations. */
  readonly kinds: readonly string[]
  readonly settings: {
    readonly faults: readonly FaultName[]
    readonly pauseMsMax: number
    readonly stallMs: number
  }
}

/** The trial of each plant, by its name. */
export const CRASH_TRIALS: Readonly<Record<string, CrashTrial>> = {
  'drop-commit': { kinds: ['lost'], settings: { faults: ['kill one'], pauseMsMax: 300, stallMs: 2_000 } },
}
