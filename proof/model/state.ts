/**
 * One state of the model: the rows of the store, what each worker knows, and how much may still go wrong. Everything is
 * small on purpose, so that every state there is can be visited. `ends` and `effects` are the log of an observer: no
 * store has them, and no protocol reads them.
 */
import type { TaskState } from '../../src/model/task-state.ts'
import type { Scope } from './scopes.ts'

/** A row of the store. `absent`: not added yet. `gone`: removed. */
export interface Row {
  state: TaskState | 'absent' | 'gone'
  /** The incarnation that holds it; 0 is nobody. */
  owner: number
  claims: number
  crashes: number
  handBacks: number
  deferrals: number
  early: boolean
  suspect: boolean
  /** Its first attempt has ended and another one follows. */
  passed: boolean
  cancelling: boolean
  /** Claims that were ended by an outcome, or by a cancel in its place, since it was added or requeued. */
  ends: number
  /** How often the effects in its finish's own transaction were committed. */
  effects: number
}

/** How an attempt ended. `defer` is a retry that costs no attempt. */
export type EndMove = 'succeed' | 'retry' | 'defer' | 'fail' | 'cancel'

/**
 * Where a worker stands with a claim of its own. `ended`: the outcome is in the journal. `replied`: it is committed or
 * was refused by its guard, and the answer is on its way. `unknown`: the answer was lost.
 */
export type Phase = 'none' | 'held' | 'running' | 'ended' | 'replied' | 'unknown'

/** One claim, as its worker knows it. */
export interface Attempt {
  phase: Phase
  move: EndMove
  claims: number
  /** Attempts that have failed, this one included should it fail. */
  failed: number
  /** Claimed ahead of its turn, and not written down as begun. */
  early: boolean
  /** A worker died with it before: its beginning is written down first. */
  risky: boolean
  recorded: boolean
}

/**
 * One incarnation. `former`: its process goes on under a later one, and has only outcomes of this one left. `dead`: its
 * process has ended.
 */
export interface Worker {
  life: 'unborn' | 'up' | 'former' | 'dead'
  process: number
  registered: boolean
  /** It has handed everything back and is about to leave. */
  leaving: boolean
  readonly attempts: Attempt[]
}

/** What a scope leaves to happen. */
export type Budget = { -readonly [K in (typeof BUDGETS)[number]]: Scope[K] }

/** The names of what is bounded. */
export const BUDGETS = [
  'kills',
  'wrongRescues',
  'losses',
  'cancels',
  'requeues',
  'handBacks',
  'deferrals',
] as const satisfies readonly (keyof Scope)[]

/** What a reaper of a lesser protocol remembers between its transactions. */
export interface Reaper {
  /** Whom it takes for dead; 0 is nobody. */
  target: number
  /** The process that reaps. */
  process: number
  /** The tasks that it has selected, as bits. */
  tasks: number
}

/** See the top of the file. `workers[i]` is the incarnation `i + 1`. */
export interface State {
  readonly rows: Row[]
  readonly workers: Worker[]
  readonly budget: Budget
  readonly reaper: Reaper
}

/** No claim. */
export function noAttempt(): Attempt {
  return { phase: 'none', move: 'succeed', claims: 0, failed: 0, early: false, risky: false, recorded: false }
}

/** A row that is not there. */
export function noRow(): Row {
  return {
    state: 'absent',
    owner: 0,
    claims: 0,
    crashes: 0,
    handBacks: 0,
    deferrals: 0,
    early: false,
    suspect: false,
    passed: false,
    cancelling: false,
    ends: 0,
    effects: 0,
  }
}

/** How many incarnations there can be in a scope. */
export function incarnationsIn(scope: Scope): number {
  return scope.processes + scope.kills + scope.wrongRescues + scope.handBacks
}

/** Every process is up, and nothing is added yet. */
export function initialState(scope: Scope): State {
  const workers = Array.from({ length: incarnationsIn(scope) }, (_, i): Worker => {
    const isUp = i < scope.processes
    const attempts = Array.from({ length: scope.tasks }, noAttempt)
    return { life: isUp ? 'up' : 'unborn', process: isUp ? i + 1 : 0, registered: isUp, leaving: false, attempts }
  })
  const budget = Object.fromEntries(BUDGETS.map((name) => [name, scope[name]])) as Budget
  return {
    rows: Array.from({ length: scope.tasks }, noRow),
    workers,
    budget,
    reaper: { target: 0, process: 0, tasks: 0 },
  }
}
