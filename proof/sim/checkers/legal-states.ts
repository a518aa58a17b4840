import { isFinal, LIVE_STATES, MOVES, type TaskState } from '../../../src/model/task-state.ts'
import type { CheckerKind } from '../history.ts'
import type { Row } from '../ledger.ts'

/** The verbs by which each move may be made. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  due: ['write'],
  claim: ['write'],
  succeed: ['write'],
  retry: ['write'],
  fail: ['write'],
  release: ['write', 'cancel', 'rescue', 'handBack', 'handBackAll'],
  cancel: ['write', 'cancel', 'rescue', 'handBack', 'handBackAll'],
  handBack: ['handBack', 'handBackAll'],
  rescue: ['rescue'],
  quarantine: ['rescue'],
  requeue: ['requeue'],
  rejoin: ['requeue'],
}

/** Rows move along the table of moves, by the verbs of each; their columns fit their state; the counters are a recount. */
export const legalStates: CheckerKind = [
  'legal-states',
  ({ rows, fail }) => {
    const tally = (): { live: number; waiting: number } => {
      let live = 0
      let waiting = 0
      for (const { state } of rows.values()) {
        if (!isFinal(state)) live++
        if (state === 'waiting') waiting++
      }
      return { live, waiting }
    }
    return (event) => {
      if (event.kind === 'move') {
        const { before, after, verb } = event
        if (after !== undefined) for (const flaw of flawsOf(after)) fail(`${after.id}: ${flaw}`)
        if (before === undefined && !LIVE_STATES.some((state) => state === after!.state)) {
          fail(`${after!.id} was stored as ${after!.state}`)
        }
        if (before === undefined || after === undefined || before.state === after.state) return
        if (!isLegal(before.state, after.state, verb)) {
          fail(`${verb} moved ${after.id} from ${before.state} to ${after.state}`)
        }
      }
      if (event.kind === 'commit' || event.kind === 'over') {
        const told = event.kind === 'commit' ? event : event.recount
        const { live, waiting } = tally()
        if (live !== told.live || waiting !== told.waiting) {
          fail(`counted ${live} live, ${waiting} waiting; the store says ${told.live} and ${told.waiting}`)
        }
      }
    }
  },
]

function isLegal(from: TaskState, to: TaskState, verb: string): boolean {
  // A task that is released or resumed at its worker is claimed by the same statement.
  if (from === 'waiting' && to === 'running') return verb === 'write'
  return Object.entries(MOVES[from]).some(([move, state]) => state === to && VERBS[move]?.includes(verb) === true)
}

function flawsOf(row: Row): string[] {
  const { state } = row
  return [
    ...((row.worker !== null) === (state === 'running') ? [] : [`${state} with worker ${row.worker}`]),
    ...((row.finishedAt !== null) === isFinal(state) ? [] : [`${state} with an end of ${row.finishedAt}`]),
    ...((row.dueAt !== null) === (state === 'scheduled') ? [] : [`${state} and due at ${row.dueAt}`]),
    ...(state === 'waiting' && row.after === null ? ['waiting behind nothing'] : []),
    ...(row.claims < row.crashes + row.handBacks + row.deferrals ? ['more endings than claims'] : []),
  ]
}
