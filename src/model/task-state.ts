/**
 * The life of a task, written once. The stores' guards, the SQL check, `docs/states.md` and the simulator
 * are all made from this table: a move that is not here does not exist.
 *
 * | state | means |
 * |---|---|
 * | scheduled | not due yet: a delay, a `runAt`, or the wait before the next attempt |
 * | waiting | behind an earlier task of its series whose first attempt has not ended |
 * | ready | any worker that knows its name may claim it |
 * | running | claimed by one incarnation of one worker |
 * | succeeded, failed, cancelled, quarantined | final, kept in the history until retention prunes it |
 */
export const MOVES = {
  scheduled: { due: 'ready', cancel: 'cancelled' },
  waiting: { release: 'ready', cancel: 'cancelled' },
  ready: { claim: 'running', cancel: 'cancelled' },
  running: {
    succeed: 'succeeded',
    retry: 'scheduled',
    fail: 'failed',
    cancel: 'cancelled',
    handBack: 'ready',
    rescue: 'ready',
    quarantine: 'quarantined',
  },
  succeeded: {},
  failed: { requeue: 'ready' },
  // It rejoins its series when it was cancelled as it waited, and somebody before it holds back others still.
  cancelled: { requeue: 'ready', rejoin: 'waiting' },
  quarantined: { requeue: 'ready' },
} as const

/** Where a task stands in its life; see {@link MOVES}. */
export type TaskState = keyof typeof MOVES

/** The name of a move of {@link MOVES}. */
export type Move = { [S in TaskState]: keyof (typeof MOVES)[S] }[TaskState]

/** A state that a task never leaves by itself. */
export type FinalState = 'succeeded' | 'failed' | 'cancelled' | 'quarantined'

/** States of tasks whose work is still to be done. */
export const LIVE_STATES = ['scheduled', 'waiting', 'ready', 'running'] as const satisfies readonly TaskState[]

/** States of tasks that rest in the history. */
export const FINAL_STATES = ['succeeded', 'failed', 'cancelled', 'quarantined'] as const satisfies readonly FinalState[]

/** True for a state that a task never leaves by itself. */
export function isFinal(state: TaskState): state is FinalState {
  return (FINAL_STATES as readonly TaskState[]).includes(state)
}
