import type { TaskInput } from './peer.ts'

/** More tasks than any one process of a run adds. */
const NUMBERS_MAX = 1 << 24

/** Counts the tasks of one process by number, so that a lost or doubled one is noticed. */
export class Tally {
  readonly #runs = new Uint8Array(NUMBERS_MAX)
  #added = 0
  #ran = 0
  #doubled = 0

  /** Tasks that were acknowledged. */
  get added(): number {
    return this.#added
  }

  /** Tasks that ran at least once. */
  get ran(): number {
    return this.#ran
  }

  /** Runs beyond the first one of a task. */
  get doubled(): number {
    return this.#doubled
  }

  /** A task was added; gives its number. */
  next(): number {
    return ++this.#added
  }

  /** So many were added by somebody else, numbered from the next number on. */
  expect(count: number): void {
    this.#added += count
  }

  /** A task ran. */
  run(input: TaskInput): void {
    const runs = this.#runs[input.n] ?? 0
    this.#runs[input.n] = runs + 1
    if (runs === 0) this.#ran++
    else this.#doubled++
  }
}
