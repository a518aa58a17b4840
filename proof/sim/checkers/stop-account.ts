import type { StopAccount } from '../../../src/index.ts'
import type { Incarnation, TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'
import type { Row } from '../ledger.ts'

/** What was seen of a stop: attempts that were recorded, and tasks that were handed back. */
interface Stop {
  finished: number
  readonly back: Set<TaskId>
}

/**
 * The account of a stop is true: it names what was handed back, what was abandoned, what was left because the store refused, and
 * no more that finished than was recorded; nothing begins in a process that has stopped, and it holds nothing else.
 */
export const stopAccount: CheckerKind = [
  'stop-account',
  ({ rows, fail }) => {
    const workers = new Map<Life, Incarnation[]>()
    const stops = new Map<Life, Stop>()
    /** Which attempt of each task is under way, unless it was abandoned. */
    const running = new Map<Life, Map<TaskId, number>>()
    /** Attempts that ended by themselves and are not recorded. */
    const ended = new Map<Life, Set<TaskId>>()
    const leaving = new Set<Life>()
    const over = new Set<Life>()
    const troubled = new Set<Life>()
    /** What a store has done that failed for good, in the write that it never answered, its process cannot know. */
    const broken = new Set<Life>()
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
          if (event.life !== undefined && event.what.startsWith('breaks')) broken.add(event.life)
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
          if (!event.how.startsWith('aborted') && !leaving.has(event.life)) ended.get(event.life)!.add(event.id)
          return
        case 'leaving':
          return void leaving.add(event.life)
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
          over.add(life)
          const held = heldBy(rows.values(), workers.get(life) ?? [])
          const isTroubled = diskWasFull || troubled.has(life)
          const faults = untruths(account, stops.get(life)!, ended.get(life)!)
          if (!broken.has(life)) faults.push(...unnamed(account, held))
          if (!isTroubled) faults.push(...unsaid(account, stops.get(life)!, held))
          for (const what of faults) fail(`${life} ${what}`)
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

function untruths(account: StopAccount, { finished, back }: Stop, ended: ReadonlySet<TaskId>): string[] {
  const others = account.handedBack.filter((id) => !back.has(id))
  const whole = account.abandoned.flatMap(({ id }) => (ended.has(id) ? [id] : []))
  return [
    ...(account.finished > finished ? [`says that ${account.finished} finished: ${finished} did`] : []),
    ...(others.length > 0 ? [`says that it handed back ${others.join(', ')}`] : []),
    ...(whole.length > 0 ? [`says that it abandoned ${whole.join(', ')}, which had ended`] : []),
  ]
}

function unnamed(account: StopAccount, held: readonly TaskId[]): string[] {
  const ids = held.filter((id) => !account.leftToRescue.includes(id))
  return ids.length > 0 ? [`has stopped and holds ${ids.join(', ')}, and does not say so`] : []
}

/** Where nothing had gone wrong, all is named, and nothing is left. */
function unsaid(account: StopAccount, { back }: Stop, held: readonly TaskId[]): string[] {
  const ids = [...back.difference(new Set(account.handedBack))]
  return [
    ...(ids.length > 0 ? [`handed back ${ids.join(', ')} and does not say so`] : []),
    ...(held.length > 0 ? [`has stopped and holds ${held.join(', ')}`] : []),
  ]
}
