import { isFinal } from '../../../src/model/task-state.ts'
import type { CheckerKind } from '../history.ts'

/** A task that has ended for good changes no more, but by a requeue, or by being pruned. */
export const finalIsFinal: CheckerKind = [
  'final-is-final',
  ({ fail }) =>
    (event) => {
      if (event.kind !== 'move' || event.before === undefined || !isFinal(event.before.state)) return
      const { before, after, verb } = event
      if (after === undefined) {
        if (verb !== 'prune') fail(`${before.id} was ${before.state} and ${verb} removed it`)
      } else if (verb !== 'requeue' || (after.state !== 'ready' && after.state !== 'waiting')) {
        fail(`${before.id} was ${before.state}, and ${verb} made it ${after.state}`)
      }
    },
]
