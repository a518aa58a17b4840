import { isFinal } from '../../../src/model/task-state.ts'
import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind } from '../history.ts'

/**
 * What a client was told is kept is in the database when it is told, and stays until it has ended for good; a task
 * succeeds only when an attempt has returned; and nothing is stored or runs that nobody added.
 */
export const nothingLost: CheckerKind = [
  'nothing-lost',
  ({ world, rows, fail }) => {
    const added = new Set<TaskId>()
    const acknowledged = new Set<TaskId>()
    const returned = new Set<TaskId>()
    /** Ended for good, and removed. */
    const gone = new Set<TaskId>()
    return (event) => {
      switch (event.kind) {
        case 'add':
          return void added.add(event.id)
        case 'ack':
          acknowledged.add(event.id)
          if (!rows.has(event.id) && !gone.has(event.id)) fail(`${event.id} was acknowledged and is not stored`)
          return
        case 'move': {
          const { before, after } = event
          const { id } = after ?? before!
          if (before === undefined && !added.has(id)) fail(`${id} is stored and nobody added it`)
          const forgets = after === undefined && before!.state === 'running'
          if (forgets && world.keepsSucceeded) fail(`${id} was removed while it ran`)
          if ((forgets || after?.state === 'succeeded') && !returned.has(id)) fail(`${id} succeeded and never returned`)
          if (after !== undefined) return void gone.delete(id)
          if (!forgets && !isFinal(before!.state)) fail(`${id} was removed in state ${before!.state}`)
          return void gone.add(id)
        }
        case 'begin':
          if (!added.has(event.id)) fail(`${event.id} runs and nobody added it`)
          return
        case 'end':
          if (event.how === 'return') returned.add(event.id)
          return
        case 'drained':
          for (const id of acknowledged) {
            const row = rows.get(id)
            if (row === undefined ? !gone.has(id) : !isFinal(row.state)) {
              fail(`${id} was acknowledged and has not ended`)
            }
          }
          return
        default:
      }
    }
  },
]
