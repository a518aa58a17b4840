import type { TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'

/** An id names one task: it is stored once, and who is told that it was added finds the task that was meant. */
export const uniqueIds: CheckerKind = [
  'unique-ids',
  ({ rows, fail }) => {
    const meant = new Map<string, string>()
    const key = (life: Life, id: TaskId): string => `${life} ${id}`
    return (event) => {
      if (event.kind === 'add') meant.set(key(event.life, event.id), event.name)
      if (event.kind === 'ack') {
        const name = meant.get(key(event.life, event.id))
        const row = rows.get(event.id)
        if (row !== undefined && row.name !== name) fail(`"${name}" was acknowledged as ${event.id}, which is a "${row.name}"`)
      }
      if (event.kind === 'move' && event.before !== undefined && event.after !== undefined) {
        if (event.before.id !== event.after.id || event.before.name !== event.after.name) {
          fail(`${event.before.id} became ${event.after.id}`)
        }
      }
    }
  },
]
