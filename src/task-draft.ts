import type { ClaimedTask, Incarnation, NewTask, OnStatus, TaskId } from './model/task.ts'

/** A task that was checked and is not stored yet. Where it stands in its series and who claims it is set when it is stored. */
export interface Draft extends NewTask {
  readonly on: OnStatus
  /** False: it stands outside of its response's order (`parallel`, or a delay). */
  readonly inSeries: boolean
  series: TaskId | undefined
  after: TaskId | undefined
  claimFor: Incarnation | undefined
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
  }
}
