import { attemptNumber, type Incarnation, type TaskId } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'
import type { Row } from '../ledger.ts'

/** How often a task that kills its workers may begin: three deaths that count, one that did not, and what comes of lost notes. */
const POISON_MAX = 8

/**
 * Claims, crashes, hand-backs and deferrals move as the moves say: a claim counts one claim, an interruption costs no
 * attempt, a death costs a crash and no more, three of them end it, and no task has more attempts than its policy allows.
 */
export const attemptsAddUp: CheckerKind = [
  'attempts-add-up',
  ({ world, rows, fail }) => {
    const poisoned = new Map<TaskId, number>()
    /** Attempts that a shutdown has ended. */
    const interrupted = new Set<string>()
    /** Lives whose store has refused something. */
    const troubled = new Set<Life>()
    const lives = new Map<Incarnation, Life>()
    let diskWasFull = false
    const limitOf = (name: string): number => (name === 'always' ? 1 : name === 'timed' ? 3 : world.attempts)
    const check = (verb: string, before: Row, after: Row): void => {
      const { id } = after
      const delta = deltaOf(before, after)
      const is = (...expected: string[]): void => {
        if (!expected.includes(delta)) {
          fail(
            `${verb} of ${id} from ${before.state} to ${after.state} counted ${delta} instead of ${expected.join(' or ')}`,
          )
        }
      }
      if (verb === 'requeue') return
      if (after.state === 'running' && before.state !== 'running') return is('+1 claims')
      if (before.state !== 'running' || after.state === 'running') return is('nothing')
      if (verb === 'rescue') {
        if (after.state === 'cancelled') return is('nothing')
        return is(before.early === 1 ? '+1 deferrals' : '+1 crashes')
      }
      if (verb.startsWith('handBack')) {
        if (after.state === 'cancelled') return is('nothing')
        return is(before.early === 1 ? '+1 deferrals' : '+1 handBacks')
      }
      is('nothing', ...(after.state === 'scheduled' ? ['+1 deferrals'] : []))
      const spent = attemptNumber(before) - before.crashes
      const limit = limitOf(after.name)
      if (delta === 'nothing' && after.state === 'scheduled' && spent >= limit) {
        fail(`${id} is tried again after ${spent} of ${limit} attempts`)
      }
      if (after.state === 'failed' && spent > limit) fail(`${id} had ${spent} attempts of ${limit}`)
    }
    return (event) => {
      if (event.kind === 'registered') lives.set(event.worker, event.life)
      if (event.kind === 'fault') {
        if (event.life === undefined) diskWasFull = true
        else troubled.add(event.life)
      }
      if (event.kind === 'begin' && !diskWasFull && !troubled.has(event.life)) {
        const row = rows.get(event.id)
        const isHeld = row?.worker != null && lives.get(row.worker) === event.life
        if (isHeld && row.early === 1 && (row.suspect === 1 || row.crashes > 0)) {
          fail(`${event.id} is suspect, and began before that was written down`)
        }
      }
      if (event.kind === 'begin' && event.step.does === 'poison') {
        const count = (poisoned.get(event.id) ?? 0) + 1
        poisoned.set(event.id, count)
        if (count === POISON_MAX) fail(`${event.id} has killed ${count} processes and is not in quarantine`)
      }
      if (event.kind === 'end' && event.how === 'aborted shutdown') interrupted.add(`${event.life} ${event.id}`)
      if (event.kind !== 'move' || event.after === undefined || event.before === undefined) return
      const isFailure = event.after.state === 'scheduled' || event.after.state === 'failed'
      if (event.before.state === 'running' && isFailure && interrupted.has(`${event.life} ${event.after.id}`)) {
        fail(`${event.after.id} was interrupted by a shutdown and counts as ${event.after.state}`)
      }
      check(event.verb, event.before, event.after)
      if (event.after.state === 'quarantined' && event.before.state !== 'quarantined' && event.after.crashes !== 3) {
        fail(`${event.after.id} is in quarantine after ${event.after.crashes} crashes`)
      }
    }
  },
]

function deltaOf(before: Row, after: Row): string {
  const counts = (['claims', 'crashes', 'handBacks', 'deferrals'] as const).flatMap((name) => {
    const delta = after[name] - before[name]
    return delta === 0 ? [] : [`${delta > 0 ? '+' : ''}${delta} ${name}`]
  })
  return counts.length === 0 ? 'nothing' : counts.join(' ')
}
