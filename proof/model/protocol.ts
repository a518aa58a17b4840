/**
 * The decisions of the protocol between workers and their store, one line each, as the shipping code takes them. The
 * model follows this table; a protocol plant of the bug zoo is an edit of one line of it, to what somebody else does.
 */

/** What a write that ends or changes a running attempt names besides the task. */
export type Guard = 'state, worker and claim' | 'state and worker' | 'state' | 'nothing'

/** See the top of the file. */
export interface Protocol {
  /** What the record of a success names. */
  readonly succeedNames: Guard
  /** What the record of a failed attempt names, be it the last one or not. */
  readonly failNames: Guard
  /** What a hand-back names. */
  readonly handBackNames: Guard
  /** What becomes of the effects in the finish's own transaction when its guard finds nothing. */
  readonly missedFinish: 'rolls back' | 'commits'
  /** What a worker does that does not know whether its finish was committed. */
  readonly unknownFinish: 'is written again' | 'counts as failed' | 'counts as recorded'
  /** Whether a worker hears what it has claimed, or may miss it for good. */
  readonly claimReply: 'is heard' | 'may be lost'
  /** How the claims of a dead worker come back. */
  readonly rescue:
    | 'in one transaction'
    | 'fences, then requeues once'
    | 'selects, then requeues by id'
    | 'selects, then finalises by id'
  /** Whom the reaper takes for dead when it is perfect. */
  readonly reaps: 'the dead' | 'whoever runs long'
  /** Who a process is after its restart. */
  readonly restart: 'as a fresh incarnation' | 'under the old identity'
  /** What a worker does with a claim that was not given back because somebody had asked to cancel it. */
  readonly handBackRefused: 'forgets the claim' | 'keeps the claim'
  /** When the next task of a series may start. */
  readonly release: 'after the first attempt' | 'after the first claim ended'
}

/** The protocol of Afterword. */
export const PROTOCOL: Protocol = {
  succeedNames: 'state, worker and claim',
  failNames: 'state, worker and claim',
  handBackNames: 'state, worker and claim',
  missedFinish: 'rolls back',
  unknownFinish: 'is written again',
  claimReply: 'is heard',
  rescue: 'in one transaction',
  reaps: 'the dead',
  restart: 'as a fresh incarnation',
  handBackRefused: 'forgets the claim',
  release: 'after the first attempt',
}
