import type { TaskState } from '../../../src/model/task-state.ts'
import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind } from '../history.ts'

/** Who waits for a result hears what the task returned when it has succeeded, and of a failure only when it has failed. */
export const results: CheckerKind = [
  'results',
  ({ fail }) => {
    const reached = new Map<TaskId, Set<TaskState | 'gone'>>()
    const hasBeen = (id: TaskId, ...states: (TaskState | 'gone')[]): boolean =>
      states.some((state) => reached.get(id)?.has(state) === true)
    return (event) => {
      if (event.kind === 'move') {
        const { id } = event.after ?? event.before!
        reached.set(id, (reached.get(id) ?? new Set()).add(event.after?.state ?? 'gone'))
      }
      if (event.kind !== 'result') return
      const { id, answer } = event
      if (answer.startsWith('value ')) {
        if (!hasBeen(id, 'succeeded')) fail(`the result of ${id} came before its success`)
        if (!answer.startsWith(`value ${id}#`)) fail(`the result of ${id} is ${answer}`)
      }
      if (answer === 'TASK_FAILED' && !hasBeen(id, 'failed', 'cancelled', 'quarantined')) fail(`${id} has not failed`)
    }
  },
]
