import { AfterwordError } from './model/errors.ts'
import type { ClaimedTask, Incarnation, NewTask, OnStatus, TaskId } from './model/task.ts'
import type { Added } from './ports/store.ts'
import type { TaskTicket } from './task-ticket.ts'

/**
 * A task that was checked and is not stored yet. Where it stands in its series and who claims it is set when it is stored;
 * claimed as it is inserted, it is its first claim as well, and needs not be read back.
 */
export interface Draft extends NewTask, ClaimedTask {
  readonly on: OnStatus
  /** False: it stands outside of its response's order (`parallel`, or a delay). */
  readonly inSeries: boolean
  series: TaskId | undefined
  after: TaskId | undefined
  claimFor: Incarnation | undefined
  early: boolean
  /** Claimed although there is no room for it, so that nobody starts it before its answer is out; then it is given back. */
  aside: boolean
  /** Whom to tell; none where the caller waits itself. */
  ticket: TaskTicket | undefined
}

/** What is kept of a stored task until its answer is out: of one that was set aside not its input, for it will not run from here. */
export type HeldDraft = Draft | SetAside

/** See {@link HeldDraft}. */
export interface SetAside {
  readonly id: TaskId
  readonly claims: number
  readonly queue: string
  readonly claimFor: Incarnation | undefined
  readonly aside: true
}

/** See {@link HeldDraft}. */
export function heldDraft(draft: Draft): HeldDraft {
  const { id, claims, queue, claimFor, aside } = draft
  return aside ? { id, claims, queue, claimFor, aside } : draft
}

/** Why a task was not stored although its transaction was. */
export function refusal(
  { id, name }: Pick<NewTask, 'id' | 'name'>,
  added: Added | undefined,
): AfterwordError | undefined {
  return added?.kind === 'taken' ? new AfterwordError('TASK_ID_TAKEN', { id, name, by: added.by }) : undefined
}
