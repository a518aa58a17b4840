import type { CheckerKind } from '../history.ts'

/** An id names one task: it is stored once, and who is told that it was added finds the task that was meant. */
export const uniqueIds: CheckerKind = [
  'unique-ids',
  ({ rows, fail }) =>
    (event) => {
      if (event.kind === 'ack') {
        const { id, name } = event
        const row = rows.get(id)
        if (row !== undefined && row.name !== name) {
          fail(`"${name}" was acknowledged as ${id}, which is a "${row.name}"`)
        }
      }
      if (event.kind === 'move' && event.before !== undefined && event.after !== undefined) {
        if (event.before.id !== event.after.id || event.before.name !== event.after.name) {
          fail(`${event.before.id} became ${event.after.id}`)
        }
      }
    },
]
