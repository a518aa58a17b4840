import type { Incarnation } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'
import type { Row } from '../ledger.ts'

/**
 * An attempt begins only under a claim that the database grants at that moment, and a claim begins one attempt. The one
 * excuse is a rescue that the worker has not heard of yet: it was frozen, and took its claims for its own. A process whose
 * store is gone for good knows nothing of its claims any more.
 */
export const heldOnce: CheckerKind = [
  'held-once',
  ({ rows, fail }) => {
    const lives = new Map<Incarnation, Life>()
    /** Claims that were taken from a life while it did not look. */
    const taken = new Set<string>()
    const begun = new Set<string>()
    const broken = new Set<Life>()
    return (event) => {
      switch (event.kind) {
        case 'registered':
          // It has come back, and knows that what it held is lost.
          for (const claim of taken) if (claim.startsWith(`${event.life} `)) taken.delete(claim)
          return void lives.set(event.worker, event.life)
        case 'move': {
          const { before, after, verb } = event
          const task = after ?? before!
          if (after?.state === 'running') taken.delete(`${lives.get(after.worker!)} ${task.id}`)
          // An id of the caller's own may be added anew once its task was removed.
          if (after === undefined) for (const claim of begun) if (claim.startsWith(`${task.id} `)) begun.delete(claim)
          if (before?.state !== 'running' || after?.worker === before.worker) return
          if (verb === 'rescue') taken.add(`${lives.get(before.worker!)} ${task.id}`)
          if (verb === 'handBack' && begun.has(claimOf(before))) fail(`${task.id} was handed back after it had begun`)
          return
        }
        case 'fault':
          if (event.life !== undefined && event.what.startsWith('breaks')) broken.add(event.life)
          return
        case 'begin': {
          const { life, id } = event
          const row = rows.get(id)
          const isHeld = row?.state === 'running' && lives.get(row.worker!) === life
          if (!isHeld && !broken.has(life) && !taken.has(`${life} ${id}`)) fail(`${life} began ${id} without its claim`)
          if (!isHeld) return
          const claim = claimOf(row)
          if (begun.has(claim)) fail(`${life} began ${id} twice under one claim`)
          begun.add(claim)
          return
        }
        default:
      }
    }
  },
]

function claimOf({ id, worker, claims }: Row): string {
  return `${id} ${worker} ${claims}`
}
