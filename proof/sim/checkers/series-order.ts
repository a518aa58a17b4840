import { isFinal } from '../../../src/model/task-state.ts'
import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind } from '../history.ts'

/**
 * A task of a series begins only when the first attempt of each task before it has ended: a crash ends no attempt. Who is
 * brought back by a requeue stands outside of its series, unless it waits there again.
 */
export const seriesOrder: CheckerKind = [
  'series-order',
  ({ fail }) => {
    const before = new Map<TaskId, readonly TaskId[]>()
    /** Tasks whose first attempt has ended, or that will never have one. */
    const passed = new Set<TaskId>()
    const stored = new Set<TaskId>()
    return (event) => {
      switch (event.kind) {
        case 'add':
          if (event.series.length > 0) before.set(event.id, event.series)
          return
        case 'move': {
          const { after } = event
          const { id } = after ?? event.before!
          stored.add(id)
          if (event.verb === 'requeue' && after?.state !== 'waiting') before.delete(id)
          if (after === undefined || isFinal(after.state) || after.passed === 1) passed.add(id)
          return
        }
        case 'begin':
          for (const id of before.get(event.id) ?? []) {
            if (stored.has(id) && !passed.has(id)) fail(`${event.id} began before the first attempt of ${id} had ended`)
          }
          return
        default:
      }
    }
  },
]
