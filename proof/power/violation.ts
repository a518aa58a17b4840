/**
 * What is wrong with an image, or with a run.
 *
 * - `lost`: a task that was acknowledged as safe from what happened is not there.
 * - `corrupt`: SQLite finds the file damaged. `unopenable`: the store refuses it.
 * - `inconsistent`: rows contradict each other or the history. `phantom`: a task that nobody had added.
 * - `stuck`: a task that is there neither ended nor runs.
 * - `blind`: the lane did not see a loss that was made on purpose.
 * - `uncoded`: a failed call came out as something else than a coded error. `escaped`: as an unhandled rejection.
 * - `unstopped`: after a failed sync the store went on to promise. `hung`: something never ended.
 */
export type ViolationKind =
  | 'lost'
  | 'corrupt'
  | 'unopenable'
  | 'inconsistent'
  | 'phantom'
  | 'stuck'
  | 'blind'
  | 'uncoded'
  | 'escaped'
  | 'unstopped'
  | 'hung'

/** One finding. */
export interface Violation {
  readonly kind: ViolationKind
  /** Which part of the lane found it, for example `inline` or `faults-async`. */
  readonly part: string
  /** One line for people. */
  readonly what: string
  /** Where the bad image is; only the first of a recording are kept. */
  readonly image?: string
}
