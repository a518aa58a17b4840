import { AfterwordError } from './model/errors.ts'
import type { ClaimedTask, Incarnation, NewTask, OnStatus, TaskId } from './model/task.ts'
import type { Added } from './ports/store.ts'
import type { TaskTicket } from './task-ticket.ts'

/** A task that was checked and is not stored yet. Where it stands in its series and who claims it is set when it is stored. */
export interface Draft extends NewTask {
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

/** The task as its first claim sees it, without reading it back. */
export function claimedFromDraft(draft: Draft): ClaimedTask {
  return {
    id: draft.id,
    name: draft.name,
    queue: draft.queue,
    priority: draft.priority,
    addedAt: draft.addedAt,
    input: draft.input,
    requestId: draft.requestId,
    carried: draft.carried,
    series: draft.series,
    claims: 1,
    crashes: 0,
    handBacks: 0,
    deferrals: 0,
    early: draft.early,
    suspect: false,
  }
}
