import type { Place } from './peer.ts'

/** What is asked of a process that runs tasks without HTTP, and what it answers. */

/** One thing to measure. */
export type Ask =
  /** So many adders that wait for each add, until the time is over; then until all has run and the store has it. */
  | { readonly do: 'steady'; readonly ms: number; readonly adders: number }
  /** Fills an empty store while nobody works, then works until the store is empty. */
  | { readonly do: 'drain'; readonly tasks: number; readonly place: Place }
  /** One add after another, evenly apart; the time of the add travels with the task. */
  | { readonly do: 'add'; readonly samples: number; readonly everyMs: number }
  /** How long after its add each task started here, since it was last asked. */
  | { readonly do: 'waited' }
  /** What the process has used so far. */
  | { readonly do: 'usage' }

/** What a slice of `steady` or `drain` measured. */
export interface SliceResult {
  readonly tasks: number
  readonly ms: number
  readonly cpuMicros: number
  /** Groups in which tasks were committed, where the process counts them. */
  readonly commits: number
  /** Tasks that were acknowledged and have not ended, or ran more than once. */
  readonly lost: number
  readonly doubled: number
}

/** What a process has used since it started. */
export interface Usage {
  readonly cpuMicros: number
  readonly statements: number
  readonly commits: number
  readonly rssBytes: number
  readonly heapBytes: number
}
