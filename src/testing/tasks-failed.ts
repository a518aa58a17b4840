import { received } from '../model/received.ts'
import type { LabFailure } from './lab-attempt.ts'

/**
 * Thrown by `lab.run()`, and at the end of the test, when tasks have failed that nobody has looked at. Its `cause` is what
 * the first of them threw.
 */
export class TasksFailed extends Error {
  override readonly name = 'TasksFailed'
  readonly failures: readonly LabFailure[]

  constructor(failures: readonly LabFailure[]) {
    const lines = failures.map((failure) => `\n  ${described(failure)}`)
    super(`${failures.length === 1 ? 'A task has' : 'Tasks have'} failed:${lines.join('')}`, {
      cause: failures[0]?.error,
    })
    this.failures = failures
  }
}

function described({ attempt, error }: LabFailure): string {
  const what = error instanceof Error ? String(error) : received(error)
  if (attempt === undefined) return `a deferred function: ${what}`
  const { name, state, retryInMs } = attempt
  const next = state === 'scheduled' ? `, the next is in ${retryInMs} ms` : `, the task is ${state}`
  return `attempt ${attempt.attempt} of "${name}"${next}: ${what}`
}
