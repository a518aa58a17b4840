import type { StoredValue } from '../model/task.ts'

/** What one attempt keeps in the store for later attempts of its task, and what earlier ones have kept. */
export interface Keeping {
  /** The most bytes that a value may take. */
  readonly bytesMax: number
  /** What was kept before this attempt, by name. */
  kept(): Promise<ReadonlyMap<string, StoredValue>>
  /**
   * Whether a value could be kept now, before it is computed.
   *
   * @throws ONCE_CLAIM_LOST, ONCE_IN_TRANSACTION.
   */
  check(name: string): void
  /** Resolves once the value is durable. Rejects with ONCE_CLAIM_LOST, or a code of the store, when nothing was kept. */
  keep(name: string, value: StoredValue): Promise<void>
}
