import type { Place } from './peer.ts'

/** What is asked of the process that runs attempts of `session`, and what it answers. */

/** Where the application's table is: in the file of the store, in a file of its own, or on a server. */
export type SiteName = 'store' | 'file' | 'postgres'

/** How the process is started. */
export interface SessionSettings {
  readonly site: SiteName
  readonly place: Place
}

/** How attempts write; `none` does not. On the ring of turns those stand side by side that are compared. */
export const WAYS = ['none', 'again', 'byHand', 'session', 'onceByHand'] as const

/** One of them. */
export type Way = (typeof WAYS)[number]

/** One slice: so many tasks that wait, from the moment when they may start until the store has the end of the last. */
export interface SessionAsk {
  readonly way: Way
  readonly tasks: number
}

/** What it measured. */
export interface SessionResult {
  readonly ms: number
  readonly cpuMicros: number
  /** How many rows there are beyond one for each attempt; below zero: are missing. */
  readonly rowsOff: number
}
