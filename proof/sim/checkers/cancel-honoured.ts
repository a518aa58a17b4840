import { isFinal } from '../../../src/model/task-state.ts'
import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind } from '../history.ts'

/** A cancel is kept: no attempt is claimed after it, and who was told so finds it done. */
export const cancelHonoured: CheckerKind = [
  'cancel-honoured',
  ({ rows, fail }) => {
    /** Asked for while it ran, and not brought back since. */
    const asked = new Set<TaskId>()
    return (event) => {
      if (event.kind === 'move') {
        const { before, after, verb } = event
        const { id } = after ?? before!
        if (verb === 'requeue' || before === undefined) asked.delete(id)
        else if (after?.cancelling === 1) asked.add(id)
        if (after !== undefined && before !== undefined && after.claims > before.claims && asked.has(id)) {
          fail(`${id} was claimed again after its cancel`)
        }
        if (asked.has(id) && after !== undefined && after.cancelling === 0) fail(`the cancel of ${id} was forgotten`)
      }
      if (event.kind !== 'cancel') return
      const row = rows.get(event.id)
      if (event.answer === 'requested' && row !== undefined && !isFinal(row.state) && row.cancelling === 0) {
        if (asked.has(event.id)) fail(`${event.id} was told to be cancelled and is ${row.state}`)
      }
    }
  },
]
