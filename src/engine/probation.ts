import type { TaskId } from '../model/task.ts'
import type { ClaimAsk, Claimed } from '../ports/store.ts'

/** After so many claims in a row that left something over, a task on probation comes first. */
const CLAIMS_BEFORE_PROBATION = 16

/** Deaths of its worker after which a task is on probation. */
const CRASHES = 2

/** The one task on probation that a worker may hold: with two of its workers died, so that no other may be claimed beside it. */
export class Probation {
  #task: TaskId | undefined
  /** Claims that took all they could, so that nothing was left for a task on probation. */
  #fullClaims = 0

  /** Whether a claim may take one, and whether it comes first. */
  get ask(): ClaimAsk['probation'] {
    if (this.#task !== undefined) return false
    return this.#fullClaims >= CLAIMS_BEFORE_PROBATION ? 'first' : true
  }

  claimed({ more, tasks }: Claimed): void {
    this.#fullClaims = more && this.#fullClaims < CLAIMS_BEFORE_PROBATION ? this.#fullClaims + 1 : 0
    this.#task ??= tasks.find((task) => task.crashes >= CRASHES)?.id
  }

  /** True when it was the one, so that another may be claimed. */
  over(id: TaskId): boolean {
    if (this.#task !== id) return false
    this.#task = undefined
    return true
  }

  forget(): void {
    this.#task = undefined
  }
}
