import type { ClaimedTask } from '../../src/model/task.ts'

/** A task in its first claim, ordinary but for what is given. */
export function claimedTask(fields: Partial<ClaimedTask> = {}): ClaimedTask {
  return {
    id: 'id-1',
    name: 'greet',
    queue: 'default',
    version: 1,
    priority: 0,
    addedAt: 0,
    input: { format: 0, text: '"Ada"' },
    requestId: undefined,
    carried: undefined,
    series: undefined,
    claims: 1,
    crashes: 0,
    handBacks: 0,
    deferrals: 0,
    early: false,
    suspect: false,
    ...fields,
  }
}
