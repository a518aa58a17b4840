import type { Incarnation, TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'
import type { Row } from '../ledger.ts'

/**
 * The account of a stop is true: it names what was handed back, what was abandoned, what was left because the store refused, and
 * no more that finished than was recorded; nothing begins in a process that has stopped, and it holds nothing else.
 */
export const stopAccount: CheckerKind = [
  'stop-account',
  ({ rows, fail }) => {
    const workers = new Map<Life, Incarnation[]>()
    const stops = new Map<Life, { finished: number; readonly back: Set<TaskId>; readonly troubled: boolean }>()
    const running = new Map<Life, Set<TaskId>>()
    /** Attempts that ended by themselves and are not recorded. */
    const ended = new Map<Life, Set<TaskId>>()
    const over = new Set<Life>()
    const troubled = new Set<Life>()
    /** What a store has done that failed for good, in the write that it never answered, its process cannot know. */
    const broken = new Set<Life>()
    let diskWasFull = false
    return (event) => {
      switch (event.kind) {
        case 'born':
          ended.set(event.life, new Set())
          return void running.set(event.life, new Set())
        case 'registered':
          return void workers.set(event.life, [...(workers.get(event.life) ?? []), event.worker])
        case 'fault':
          if (event.life !== undefined && /^(refuses|executes|breaks)/.test(event.what)) troubled.add(event.life)
          if (event.life !== undefined && event.what.startsWith('breaks')) broken.add(event.life)
          if (event.life === undefined) diskWasFull = true
          return
        case 'begin':
          running.get(event.life)!.add(event.id)
          ended.get(event.life)!.delete(event.id)
          if (over.has(event.life)) fail(`${event.life} began ${event.id} after it had stopped`)
          return
        case 'end':
          running.get(event.life)?.delete(event.id)
          if (!event.how.startsWith('aborted')) ended.get(event.life)?.add(event.id)
          return
        case 'abandoned':
          return void running.get(event.life)?.delete(event.id)
        case 'stopping':
          return void stops.set(event.life, { finished: 0, back: new Set(), troubled: false })
        case 'recorded': {
          const stop = stops.get(event.life)
          return void (stop !== undefined && stop.finished++)
        }
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
          const unsaid = stop.back.difference(new Set(account.handedBack))
          const untrue = account.handedBack.filter((id) => !stop.back.has(id))
          if (untrue.length > 0) fail(`${life} says that it handed back ${untrue.join(', ')}`)
          const held = heldBy(rows.values(), workers.get(life) ?? [])
          const unnamed = broken.has(life) ? [] : held.filter((id) => !account.leftToRescue.includes(id))
          if (unnamed.length > 0) fail(`${life} has stopped and holds ${unnamed.join(', ')}, and does not say so`)
          if (diskWasFull || troubled.has(life)) return
          if (unsaid.size > 0) fail(`${life} handed back ${[...unsaid].join(', ')} and does not say so`)
          if (held.length > 0) fail(`${life} has stopped and holds ${held.join(', ')}`)
          return
        }
        default:
      }
    }
  },
]

function heldBy(rows: Iterable<Row>, workers: readonly Incarnation[]): TaskId[] {
  return [...rows].filter(({ worker }) => worker !== null && workers.includes(worker)).map(({ id }) => id)
}
