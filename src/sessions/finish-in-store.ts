import type { ClaimedTask, Incarnation, Success } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { Joined, Store, StoreJoin } from '../ports/store.ts'
import type { StoreFinish } from './attempt-sessions.ts'

/** Whose finish it is. */
export interface FinishParts {
  readonly store: Pick<Store, 'find'>
  readonly clock: Clock
  readonly task: ClaimedTask
  /** The worker that holds the claim. */
  readonly worker: Incarnation | undefined
}

/** The success of an attempt as the last statement of its session's transaction, guarded by the claim. */
export class FinishInStore implements StoreFinish {
  readonly join: StoreJoin
  readonly #parts: FinishParts

  constructor(join: StoreJoin, parts: FinishParts) {
    this.join = join
    this.#parts = parts
  }

  write(outcome: Success): Promise<Joined> | Joined {
    const { worker, clock } = this.#parts
    const batch = { worker, adds: [], outcomes: [outcome], progress: [], durability: undefined, claim: undefined }
    return this.join.write(batch, clock.now())
  }

  async wasRecorded(): Promise<boolean | undefined> {
    const { store, task } = this.#parts
    try {
      const row = await store.find(task.id)
      // Nobody but the holder of the claim ends a running task: one that is gone was forgotten with its success.
      return row === undefined || (row.state === 'succeeded' && row.claims === task.claims)
    } catch {
      return undefined
    }
  }
}
