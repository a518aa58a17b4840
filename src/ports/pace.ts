/** The pauses that the engine makes by itself. A clock that somebody moves by hand brings its own. */
export interface Pace {
  /** How long outcomes wait for an add that takes them along, in milliseconds. */
  readonly outcomeWaitMs: number
  /** The pause between two rounds of upkeep (beat, rescue, poll, pruning), in milliseconds. */
  readonly upkeepMs: number
}
