import type { Incarnation, TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'

/** No process runs more attempts of a queue than it has places, and no worker holds two tasks on probation. */
export const concurrency: CheckerKind = [
  'concurrency',
  ({ rows, fail }) => {
    const places = new Map<Life, ReadonlyMap<string, number>>()
    /** Which attempt of a task runs there, and in which queue; one that was abandoned has left its place. */
    const running = new Map<Life, Map<TaskId, { readonly nth: number; readonly queue: string }>>()
    const onProbation = new Map<Incarnation, Set<TaskId>>()
    return (event) => {
      switch (event.kind) {
        case 'born':
          places.set(event.life, event.concurrency)
          return void running.set(event.life, new Map())
        case 'begin': {
          const mine = running.get(event.life)!
          const queue = rows.get(event.id)?.queue
          if (queue === undefined) return
          mine.set(event.id, { nth: event.nth, queue })
          const count = [...mine.values()].filter((other) => other.queue === queue).length
          const limit = places.get(event.life)!.get(queue) ?? 0
          if (count > limit) fail(`${event.life} runs ${count} of queue "${queue}" at once, with ${limit} places`)
          return
        }
        case 'end':
          if (running.get(event.life)?.get(event.id)?.nth === event.nth) running.get(event.life)!.delete(event.id)
          return
        case 'abandoned':
          return void running.get(event.life)?.delete(event.id)
        case 'move': {
          const { before, after } = event
          if (before?.worker != null) onProbation.get(before.worker)?.delete(before.id)
          if (after?.worker == null || after.crashes < 2) return
          const held = onProbation.get(after.worker) ?? new Set()
          onProbation.set(after.worker, held.add(after.id))
          if (held.size > 1) fail(`worker ${after.worker} holds ${held.size} tasks on probation`)
          return
        }
        default:
      }
    }
  },
]
