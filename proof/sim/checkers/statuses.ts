import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind } from '../history.ts'

/** What the status of an answer does not keep is never stored, never runs, and nobody is told that it was kept. */
export const statuses: CheckerKind = [
  'statuses',
  ({ rows, fail }) => {
    const dropped = new Set<TaskId>()
    return (event) => {
      if (event.kind === 'dropped') {
        dropped.add(event.id)
        if (rows.has(event.id)) fail(`${event.id} was dropped by its status and is stored`)
        return
      }
      const id = event.kind === 'move' ? (event.after ?? event.before!).id : 'id' in event ? event.id : undefined
      if (id === undefined || !dropped.has(id)) return
      if (event.kind === 'move') fail(`${id} was dropped by its status and stored`)
      if (event.kind === 'begin') fail(`${id} was dropped by its status and runs`)
      if (event.kind === 'ack') fail(`${id} was dropped by its status and acknowledged`)
    }
  },
]
