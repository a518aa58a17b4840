import type { Incarnation } from '../../../src/model/task.ts'
import type { CheckerKind, Life } from '../history.ts'

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
    /** Attempts under way. */
    const running = new Set<string>()
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
          const holder = `${lives.get(before.worker!)} ${task.id}`
          if (verb === 'rescue') taken.add(holder)
          if (verb === 'handBack' && running.has(holder)) fail(`${task.id} was handed back while it ran`)
          return
        }
        case 'fault':
          if (event.life !== undefined && event.what.startsWith('breaks')) broken.add(event.life)
          return
        case 'begin': {
          const { life, id } = event
          running.add(`${life} ${id}`)
          const row = rows.get(id)
          const isHeld = row?.state === 'running' && lives.get(row.worker!) === life
          if (!isHeld && !broken.has(life) && !taken.has(`${life} ${id}`)) fail(`${life} began ${id} without its claim`)
          if (!isHeld) return
          const claim = `${id} ${row.worker} ${row.claims}`
          if (begun.has(claim)) fail(`${life} began ${id} twice under one claim`)
          begun.add(claim)
          return
        }
        case 'end':
        case 'abandoned':
          return void running.delete(`${event.life} ${event.id}`)
        default:
      }
    }
  },
]
