import { AfterwordError } from '../model/errors.ts'
import type { ClaimedTask, StoredValue } from '../model/task.ts'
import type { Keeping } from '../ports/keeping.ts'
import type { Journal } from './journal.ts'

/** Whose values they are. */
export interface KeepingAttempt {
  readonly task: ClaimedTask
  readonly isOver: boolean
  /** The session of it that holds the lock of the store's file, by name. */
  readonly sessionHoldingStore: string | undefined
}

/** What an attempt keeps, through the journal. */
export class AttemptKeeping implements Keeping {
  readonly bytesMax: number
  readonly #attempt: KeepingAttempt
  readonly #journal: Pick<Journal, 'keep' | 'kept'>

  constructor(attempt: KeepingAttempt, journal: Pick<Journal, 'keep' | 'kept'>, bytesMax: number) {
    this.#attempt = attempt
    this.#journal = journal
    this.bytesMax = bytesMax
  }

  async kept(): Promise<ReadonlyMap<string, StoredValue>> {
    const { id, claims } = this.#attempt.task
    // The first claim of a task has no past.
    return claims === 1 ? new Map<string, StoredValue>() : this.#journal.kept(id)
  }

  check(once: string): void {
    const { isOver, task, sessionHoldingStore: session } = this.#attempt
    if (isOver) throw this.#lost(once)
    if (session !== undefined) throw new AfterwordError('ONCE_IN_TRANSACTION', { name: task.name, once, session })
  }

  async keep(once: string, value: StoredValue): Promise<void> {
    const { id, claims } = this.#attempt.task
    if (!(await this.#journal.keep({ id, claims, name: once, value }))) throw this.#lost(once)
  }

  #lost(once: string): AfterwordError {
    const { id, name } = this.#attempt.task
    return new AfterwordError('ONCE_CLAIM_LOST', { name, id, once })
  }
}
