import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'

/**
 * An id names one task: it is stored once, the store answers only for the task that was meant, and nobody hears that a
 * task was added for which it did not answer. That is asked when it answers: the client may hear of it so late that
 * the task has ended and was forgotten, and its id, one of the callers' own, was given to another.
 */
export const uniqueIds: CheckerKind = [
  'unique-ids',
  ({ rows, fail }) => {
    const kept = new Map<Life, Map<TaskId, Set<string>>>()
    return (event) => {
      if (event.kind === 'kept') {
        const { life, id, name } = event
        const row = rows.get(id)
        if (row !== undefined && row.name !== name) {
          fail(`the store answered for "${name}" as ${id}, which is a "${row.name}"`)
        }
        const names = kept.get(life) ?? new Map<TaskId, Set<string>>()
        kept.set(life, names.set(id, (names.get(id) ?? new Set()).add(name)))
      }
      if (event.kind === 'ack') {
        const { life, id, name } = event
        if (kept.get(life)?.get(id)?.has(name) !== true) {
          fail(`"${name}" was acknowledged as ${id}, for which the store did not answer`)
        }
      }
      if (event.kind === 'move' && event.before !== undefined && event.after !== undefined) {
        if (event.before.id !== event.after.id || event.before.name !== event.after.name) {
          fail(`${event.before.id} became ${event.after.id}`)
        }
      }
    }
  },
]
