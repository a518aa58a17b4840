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
  /** Whom to tell; none where the caller waits itself. */
  ticket: TaskTicket | undefined
}

/** Why a draft was not stored although its transaction was. */
export function refusal(draft: Draft, added: Added | undefined): AfterwordError | undefined {
  return added?.kind === 'taken'
    ? new AfterwordError('TASK_ID_TAKEN', { id: draft.id, name: draft.name, by: added.by })
    : undefined
}
