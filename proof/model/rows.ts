/**
 * The verbs of a store on the rows of the model. A row changes its state through `go` alone, which knows no other moves
 * than those of `MOVES`. Each verb is one transaction and answers what a store answers.
 *
 * `src/stores/conformance/model.ts` is the contract of the whole port in plain code and follows any batch; these are the
 * few verbs that a protocol is made of, with the guards of that protocol, so that a lesser one can be tried.
 */
import { isFinal, type Move, MOVES, type TaskState } from '../../src/model/task-state.ts'
import type { Guard, Protocol } from './protocol.ts'
import type { Scope } from './scopes.ts'
import type { EndMove, Row, State } from './state.ts'
import type { Room } from './step.ts'

/** A protocol wanted a move that the table of moves does not have. */
export class IllegalMove extends Error {}

/** The state that the move leads to. Throws when the table of moves has no such move. */
export function moved(from: Row['state'], move: Move): TaskState {
  const moves: Partial<Record<Move, TaskState>> = from === 'absent' || from === 'gone' ? {} : MOVES[from]
  const to = moves[move]
  if (to === undefined) throw new IllegalMove(`there is no move "${move}" from "${from}"`)
  return to
}

function go(row: Row, move: Move): void {
  row.state = moved(row.state, move)
  if (row.state !== 'running') row.owner = 0
  if (row.state !== 'running') row.early = false
}

/** True while its first attempt, or the next, has still to end. */
export function isLive(row: Row): boolean {
  return row.state !== 'absent' && row.state !== 'gone' && !isFinal(row.state)
}

/** Whether tasks of its series have to wait for it. */
export function holdsBack(row: Row): boolean {
  return isLive(row) && !row.passed
}

/** Whether a write of that incarnation under that claim may change the row. */
export function matches(row: Row, incarnation: number, claims: number, names: Guard): boolean {
  switch (names) {
    case 'state, worker and claim':
      return row.state === 'running' && row.owner === incarnation && row.claims === claims
    case 'state and worker':
      return row.state === 'running' && row.owner === incarnation
    case 'state':
      return row.state === 'running'
    case 'nothing':
      return true
  }
}

/** What a write answers, as far as it concerns the model. Tasks are numbers from 0. */
export interface Answer {
  readonly recorded?: boolean
  readonly added?: readonly TaskState[]
  readonly claimed?: readonly number[]
  readonly released?: readonly number[]
  readonly handedBack?: readonly number[]
  readonly requeued?: readonly number[]
  readonly quarantined?: readonly number[]
  readonly fenced?: boolean
  readonly alive?: boolean
  readonly cancel?: 'cancelled' | 'requested' | 'finished' | 'unknown'
  readonly done?: boolean
  readonly removed?: number
}

/** The rows and the workers of a state, as a store of one protocol changes them. */
export class Rows {
  readonly #state: State
  readonly #protocol: Protocol
  readonly #forgets: boolean
  readonly #series: boolean

  constructor(state: State, protocol: Protocol, { forgets, series }: Pick<Scope, 'forgets' | 'series'>) {
    this.#state = state
    this.#protocol = protocol
    this.#forgets = forgets
    this.#series = series
  }

  /** Whether the store knows this incarnation; one that is not registered claims nothing. */
  isRegistered(incarnation: number): boolean {
    return this.#state.workers[incarnation - 1]!.registered
  }

  /** Inserts the row; claimed at once when an incarnation wants it and nothing holds it back. */
  add(task: number, how: 'claimed' | 'early' | 'ready' | 'scheduled', incarnation: number, behind: boolean): TaskState {
    const row = this.#state.rows[task]!
    const wants = (how === 'claimed' || how === 'early') && this.isRegistered(incarnation)
    if (behind && holdsBack(this.#state.rows[0]!)) row.state = 'waiting'
    else row.state = how === 'scheduled' ? 'scheduled' : 'ready'
    if (wants && row.state === 'ready') this.#take(row, incarnation, how === 'early')
    return row.state
  }

  /** Every scheduled task is due. */
  due(): void {
    for (const row of this.#state.rows) if (row.state === 'scheduled') go(row, 'due')
  }

  /** The oldest ready task, or else, where there is a place for it, one whose workers died with it twice. */
  claim(incarnation: number, early: boolean): number[] {
    if (!this.isRegistered(incarnation)) return []
    const { rows } = this.#state
    const safe = rows.findIndex((row) => row.state === 'ready' && row.crashes < 2)
    const task = safe === -1 && !early ? rows.findIndex((row) => row.state === 'ready') : safe
    if (task === -1) return []
    this.#take(rows[task]!, incarnation, early || rows[task]!.crashes > 0)
    return [task]
  }

  #take(row: Row, incarnation: number, early: boolean): void {
    go(row, 'claim')
    row.owner = incarnation
    row.claims++
    row.early = early
  }

  /** An attempt that was claimed ahead of its turn has begun. */
  mark(task: number, incarnation: number, claims: number): void {
    const row = this.#state.rows[task]!
    const isHeld = matches(row, incarnation, claims, 'state, worker and claim')
    if (this.isRegistered(incarnation) && isHeld) row.early = false
  }

  /** Records how an attempt ended and releases what waited for it. With room for one task the worker claims one. */
  finish(task: number, incarnation: number, claims: number, move: EndMove, room: Room): Answer {
    const row = this.#state.rows[task]!
    const names = move === 'succeed' ? this.#protocol.succeedNames : this.#protocol.failNames
    const recorded = matches(row, incarnation, claims, names)
    if (move === 'succeed' && (recorded || this.#protocol.missedFinish === 'commits')) row.effects++
    if (recorded) this.#end(row, move)
    const released = recorded ? this.#release(task) : []
    const takes = room !== 'none' && this.isRegistered(incarnation)
    // The worker's room goes to what it has released; only what is left claims.
    for (const follower of takes ? released : []) this.#take(this.#state.rows[follower]!, incarnation, room === 'early')
    const claimed = takes && released.length === 0 ? this.claim(incarnation, room === 'early') : []
    return { recorded, released: takes ? released : [], claimed, fenced: !this.isRegistered(incarnation) }
  }

  #end(row: Row, move: EndMove): void {
    if (move === 'defer' && !row.cancelling) row.deferrals++
    else row.ends++
    if (move === 'retry' || move === 'defer') {
      go(row, row.cancelling ? 'cancel' : 'retry')
      if (row.state === 'scheduled') row.passed = true
    } else go(row, move)
    if (row.state === 'succeeded' && this.#forgets) remove(row)
  }

  /** The tasks that waited behind this one become ready. */
  #release(task: number): number[] {
    const released = this.#state.rows.flatMap((row, i) => (i > task && row.state === 'waiting' ? [i] : []))
    for (const follower of released) go(this.#state.rows[follower]!, 'release')
    return released
  }

  /** A task ended, or its claim did, without an attempt's outcome. */
  #unheard(task: number): void {
    const row = this.#state.rows[task]!
    const isOver = !isLive(row) || this.#protocol.release === 'after the first claim ended'
    if (isOver && !row.passed) this.#release(task)
  }

  /** A claim goes back unharmed; a cancel that was asked for takes the place of it. True when the task is ready. */
  handBack(task: number, incarnation: number, claims: number): boolean {
    const row = this.#state.rows[task]!
    if (!matches(row, incarnation, claims, this.#protocol.handBackNames)) return false
    if (row.cancelling) {
      row.ends++
      go(row, 'cancel')
    } else {
      const { early } = row
      go(row, 'handBack')
      if (early) row.deferrals++
      else row.handBacks++
    }
    this.#unheard(task)
    return row.state === 'ready'
  }

  /** All claims of the incarnation go back. */
  handBackAll(incarnation: number): number[] {
    return this.ownedBy(incarnation).filter((task) => this.handBack(task, incarnation, this.#state.rows[task]!.claims))
  }

  /** The tasks that run in the name of the incarnation. */
  ownedBy(incarnation: number): number[] {
    return this.#state.rows.flatMap((row, task) => (row.state === 'running' && row.owner === incarnation ? [task] : []))
  }

  /** The incarnation is no worker any more. */
  retire(incarnation: number): void {
    this.#state.workers[incarnation - 1]!.registered = false
  }

  /** Fences the dead and returns its claims, all in one transaction. */
  rescue(dead: number): Answer {
    this.retire(dead)
    return this.rescueTasks(this.ownedBy(dead))
  }

  /** Takes these tasks from whoever holds them. */
  rescueTasks(tasks: readonly number[]): Answer {
    const before = tasks.map((task) => this.#rescueTask(task))
    const [requeued, quarantined] = ['ready', 'quarantined'].map((state) => tasks.filter((_, i) => before[i] === state))
    return { requeued: requeued!, quarantined: quarantined! }
  }

  #rescueTask(task: number): Row['state'] {
    const row = this.#state.rows[task]!
    const { early } = row
    if (row.cancelling) {
      row.ends++
      go(row, 'cancel')
    } else if (!early && row.crashes >= 2) {
      go(row, 'quarantine')
      row.crashes++
    } else {
      go(row, 'rescue')
      if (early) row.deferrals++
      else row.crashes++
      row.suspect ||= early
    }
    this.#unheard(task)
    return row.state
  }

  /** The task of a dead worker is ended as failed, without a look at where it stands. */
  giveUp(task: number): void {
    const row = this.#state.rows[task]!
    go(row, 'fail')
    row.ends++
    this.#unheard(task)
  }

  /** Ends a task that does not run; asks the worker of one that does. */
  cancel(task: number): Answer {
    const row = this.#state.rows[task]!
    if (row.state === 'absent' || row.state === 'gone') return { cancel: 'unknown' }
    if (isFinal(row.state)) return { cancel: 'finished' }
    if (row.state === 'running') {
      row.cancelling = true
      return { cancel: 'requested' }
    }
    const wasWaiting = row.state === 'waiting'
    go(row, 'cancel')
    if (!wasWaiting) this.#unheard(task)
    return { cancel: 'cancelled' }
  }

  /** A task that failed, was cancelled or put aside begins once more; one whose turn in its series has not come waits for it. */
  requeue(task: number): Answer {
    const row = this.#state.rows[task]!
    if (!isFinalRow(row) || row.state === 'succeeded') return { done: false }
    if (task > 0 && this.#series && holdsBack(this.#state.rows[0]!)) {
      go(row, 'rejoin')
      return { done: true }
    }
    go(row, 'requeue')
    Object.assign(row, {
      passed: true,
      suspect: false,
      crashes: 0,
      handBacks: 0,
      deferrals: row.claims,
      cancelling: false,
      ends: 0,
    })
    return { done: true }
  }

  /** Every finished task is removed, unless it was cancelled as it waited and the one before it holds back others still. */
  prune(): Answer {
    const holds = this.#series && holdsBack(this.#state.rows[0]!)
    const old = this.#state.rows.filter((row, task) => isFinalRow(row) && !(task > 0 && holds))
    old.forEach(remove)
    return { removed: old.length }
  }
}

/** Whether the row is of a task that has ended. */
export function isFinalRow(row: Row): boolean {
  return row.state !== 'absent' && row.state !== 'gone' && isFinal(row.state)
}

/** What was done leaves only what the observer has seen. */
function remove(row: Row): void {
  const { effects } = row
  Object.assign(row, { state: 'gone', owner: 0, claims: 0, crashes: 0, handBacks: 0, deferrals: 0, ends: 0, effects })
  Object.assign(row, { early: false, suspect: false, passed: false, cancelling: false })
}
