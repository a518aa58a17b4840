import type { Incarnation } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'

/** Once nothing goes wrong any more, everything ends within the stated time, who was declared dead and lives is back, and no error ends a process. */
export const liveness: CheckerKind = [
  'liveness',
  ({ fail }) => {
    const latest = new Map<Life, Incarnation>()
    const fenced = new Set<Incarnation>()
    return (event) => {
      if (event.kind === 'stuck') fail(event.why)
      if (event.kind === 'escaped') fail(`nobody has caught ${event.error}`)
      if (event.kind === 'registered') latest.set(event.life, event.worker)
      if (event.kind === 'fenced') fenced.add(event.worker)
      if (event.kind !== 'drained') return
      for (const life of event.timers.keys()) {
        const worker = latest.get(life)
        if (worker === undefined || fenced.has(worker)) {
          fail(`${life} lives and is no worker: it was ${worker ?? 'never one'}`)
        }
      }
    }
  },
]
