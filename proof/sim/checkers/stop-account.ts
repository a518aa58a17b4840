import type { Incarnation, TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'

/**
 * The account of a stop is true: it names what was handed back, what was abandoned, and no more that finished than was recorded;
 * nothing begins in a process that has stopped, and it holds nothing.
 */
export const stopAccount: CheckerKind = [
  'stop-account',
  ({ rows, fail }) => {
    const workers = new Map<Life, Incarnation[]>()
    const stops = new Map<Life, { finished: number; readonly back: Set<TaskId> }>()
    /** Which attempt of each task is under way, unless it was abandoned. */
    const running = new Map<Life, Map<TaskId, number>>()
    /** Attempts that ended by themselves and are not recorded. */
    const ended = new Map<Life, Set<TaskId>>()
    const over = new Set<Life>()
    const troubled = new Set<Life>()
    let diskWasFull = false
    return (event) => {
      switch (event.kind) {
        case 'born':
          ended.set(event.life, new Set())
          return void running.set(event.life, new Map())
        case 'registered':
          return void workers.set(event.life, [...(workers.get(event.life) ?? []), event.worker])
        case 'fault':
          if (event.life !== undefined && /^(refuses|executes|breaks)/.test(event.what)) troubled.add(event.life)
          if (event.life === undefined) diskWasFull = true
          return
        case 'begin':
          running.get(event.life)!.set(event.id, event.nth)
          ended.get(event.life)!.delete(event.id)
          if (over.has(event.life)) fail(`${event.life} began ${event.id} after it had stopped`)
          return
        case 'end':
          if (running.get(event.life)?.get(event.id) !== event.nth) return
          running.get(event.life)!.delete(event.id)
          if (!event.how.startsWith('aborted')) ended.get(event.life)!.add(event.id)
          return
        case 'abandoned':
          return void running.get(event.life)?.delete(event.id)
        case 'stopping':
          return void stops.set(event.life, { finished: 0, back: new Set() })
        case 'recorded':
          if (stops.has(event.life)) stops.get(event.life)!.finished++
          return
        case 'move':
          if (event.after?.state === 'running') for (const ids of ended.values()) ids.delete(event.after.id)
          if (event.verb === 'handBackAll' && event.after?.state === 'ready' && event.before?.state === 'running') {
            const { id } = event.after
            stops.get(event.life)?.back.add(id)
            if (ended.get(event.life)?.has(id) === true && !diskWasFull && !troubled.has(event.life)) {
              fail(`${event.life} handed ${id} back, whose attempt had ended`)
            }
          }
          return
        case 'stopped': {
          const { life, account } = event
          const stop = stops.get(life)!
          over.add(life)
          if (account.finished > stop.finished) fail(`${life} says ${account.finished} finished: ${stop.finished} did`)
          const unsaid = [...stop.back].filter((id) => !account.handedBack.includes(id))
          const untrue = account.handedBack.filter((id) => !stop.back.has(id))
          if (untrue.length > 0) fail(`${life} says that it handed back ${untrue.join(', ')}`)
          if (diskWasFull || troubled.has(life)) return
          if (unsaid.length > 0) fail(`${life} handed back ${unsaid.join(', ')} and does not say so`)
          for (const { id, worker } of rows.values()) {
            if (worker !== null && workers.get(life)?.includes(worker) === true) {
              fail(`${life} has stopped and holds ${id}`)
            }
          }
          return
        }
        default:
      }
    }
  },
]
