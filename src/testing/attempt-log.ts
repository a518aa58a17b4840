import type { Background } from '../index.ts'
import type { AttemptEnd, TaskFacts } from '../model/events.ts'
import { attemptNumber, type ClaimedTask } from '../model/task.ts'
import { isRetryAfter } from '../model/thrown-outcome.ts'
import type { LabAttempt, LabFailure } from './lab-attempt.ts'

/** What has happened in all processes of a lab, and which failures nobody has looked at. */
export class AttemptLog {
  readonly #inputOf: (id: string) => unknown
  readonly #attempts: LabAttempt[] = []
  readonly #failures: LabFailure[] = []
  readonly #dropped: { readonly name: string; readonly status: number }[] = []
  #unseen = new Set<LabFailure>()

  constructor(inputOf: (id: string) => unknown) {
    this.#inputOf = inputOf
  }

  /** Writes down what this background tells. */
  follow(background: Background): void {
    background.on('attempt:end', (end) => this.#ended(end))
    background.on('defer:failed', ({ error }) => this.#failed({ error, attempt: undefined }))
    background.on('task:dropped', ({ task, status }) => void this.#dropped.push({ name: task.name, status }))
  }

  /** Attempts that have ended, in that order. */
  get attempts(): readonly LabAttempt[] {
    return this.#attempts
  }

  get failures(): readonly LabFailure[] {
    return this.#failures
  }

  /** The statuses that made responses drop tasks of that name. */
  dropped({ name }: Pick<TaskFacts, 'name'>): readonly number[] {
    return this.#dropped.filter((drop) => drop.name === name).map(({ status }) => status)
  }

  /** The failures that nobody has looked at; from here on somebody has. */
  takeUnseen(): readonly LabFailure[] {
    const unseen = [...this.#unseen]
    this.#unseen = new Set()
    return unseen
  }

  /** Somebody has looked at that attempt. */
  seen(attempt: LabAttempt): void {
    for (const failure of this.#unseen) if (failure.attempt === attempt) this.#unseen.delete(failure)
  }

  /** An attempt that ended without an outcome: its process died or stopped under it. */
  cut(task: ClaimedTask, state: LabAttempt['state']): LabAttempt {
    const { id, name } = task
    return {
      id,
      name,
      input: this.#inputOf(id),
      attempt: attemptNumber(task),
      state,
      error: undefined,
      retryInMs: undefined,
    }
  }

  #ended({ attempt: { id, name, attempt: number }, state, error: stored, thrown, retryInMs }: AttemptEnd): void {
    const error = stored === undefined ? undefined : (thrown ?? new Error(stored.message))
    const attempt: LabAttempt = { id, name, input: this.#inputOf(id), attempt: number, state, error, retryInMs }
    this.#attempts.push(attempt)
    const isAskedFor = state === 'cancelled' || (state === 'scheduled' && isRetryAfter(error))
    if (stored !== undefined && !isAskedFor) this.#failed({ error, attempt })
  }

  #failed(failure: LabFailure): void {
    this.#failures.push(failure)
    this.#unseen.add(failure)
  }
}
