/**
 * States as bytes: two for a claim, four for a row, one for a worker. Equal states have equal bytes, so the bytes are the
 * key under which a state is known.
 */
import type { Scope } from './scopes.ts'
import {
  type Attempt,
  type Budget,
  BUDGETS,
  type EndMove,
  incarnationsIn,
  type Phase,
  type Row,
  type State,
  type Worker,
} from './state.ts'

const ROW_STATES = [
  'absent',
  'gone',
  'scheduled',
  'waiting',
  'ready',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'quarantined',
] as const satisfies readonly Row['state'][]
const PHASES = ['none', 'held', 'running', 'ended', 'replied', 'unknown'] as const satisfies readonly Phase[]
const MOVES = ['succeed', 'retry', 'defer', 'fail', 'cancel'] as const satisfies readonly EndMove[]
const LIVES = ['unborn', 'up', 'former', 'dead'] as const satisfies readonly Worker['life'][]

const ROW_BYTES = 4
const ATTEMPT_BYTES = 2
const REAPER_BYTES = 2

/** Writes states of one scope as bytes, and reads them. */
export class Packing {
  readonly bytes: number
  readonly #scope: Scope
  readonly #incarnations: number

  constructor(scope: Scope) {
    this.#scope = scope
    this.#incarnations = incarnationsIn(scope)
    const worker = 1 + ATTEMPT_BYTES * scope.tasks
    this.bytes = ROW_BYTES * scope.tasks + worker * this.#incarnations + BUDGETS.length + REAPER_BYTES
  }

  /** Throws when a number has outgrown its bits: the scope is too large then. */
  pack(state: State, into: Uint8Array, at: number): void {
    let to = at
    for (const row of state.rows) to = packRow(row, into, to)
    for (const worker of state.workers) {
      into[to++] =
        LIVES.indexOf(worker.life) | bit(worker.registered, 2) | bit(worker.leaving, 3) | (worker.process << 4)
      for (const attempt of worker.attempts) to = packAttempt(attempt, into, to)
    }
    for (const name of BUDGETS) into[to++] = state.budget[name]
    into[to++] = state.reaper.target | (state.reaper.tasks << 4)
    into[to++] = state.reaper.process
  }

  unpack(from: Uint8Array, at: number): State {
    const { tasks } = this.#scope
    let to = at
    const rows: Row[] = []
    for (let i = 0; i < tasks; i++, to += ROW_BYTES) rows.push(unpackRow(from, to))
    const workers: Worker[] = []
    for (let i = 0; i < this.#incarnations; i++) {
      const byte = from[to++]!
      const attempts: Attempt[] = []
      for (let task = 0; task < tasks; task++, to += ATTEMPT_BYTES) attempts.push(unpackAttempt(from, to))
      const [registered, leaving] = [(byte & 4) !== 0, (byte & 8) !== 0]
      workers.push({ life: LIVES[byte & 3]!, process: byte >> 4, registered, leaving, attempts })
    }
    const budget = {} as Budget
    for (const name of BUDGETS) budget[name] = from[to++]!
    return { rows, workers, budget, reaper: { target: from[to]! & 15, process: from[to + 1]!, tasks: from[to]! >> 4 } }
  }
}

function bit(flag: boolean, at: number): number {
  return flag ? 1 << at : 0
}

function nibbles(low: number, high: number): number {
  if (low > 15 || high > 15) {
    throw new RangeError(`${low} or ${high} has outgrown its four bits: the scope is too large.`)
  }
  return low | (high << 4)
}

function packRow(row: Row, into: Uint8Array, at: number): number {
  const flags = bit(row.early, 4) | bit(row.suspect, 5) | bit(row.passed, 6) | bit(row.cancelling, 7)
  into[at] = ROW_STATES.indexOf(row.state) | flags
  into[at + 1] = nibbles(row.owner, row.claims)
  into[at + 2] = nibbles(row.crashes | (row.effects << 2), row.ends)
  into[at + 3] = nibbles(row.handBacks, row.deferrals)
  return at + ROW_BYTES
}

function unpackRow(from: Uint8Array, at: number): Row {
  const [flags, holder, counts, backs] = [from[at]!, from[at + 1]!, from[at + 2]!, from[at + 3]!]
  return {
    state: ROW_STATES[flags & 15]!,
    owner: holder & 15,
    claims: holder >> 4,
    crashes: counts & 3,
    handBacks: backs & 15,
    deferrals: backs >> 4,
    early: (flags & 16) !== 0,
    suspect: (flags & 32) !== 0,
    passed: (flags & 64) !== 0,
    cancelling: (flags & 128) !== 0,
    ends: counts >> 4,
    effects: (counts >> 2) & 3,
  }
}

function packAttempt(attempt: Attempt, into: Uint8Array, at: number): number {
  const what = PHASES.indexOf(attempt.phase) | (MOVES.indexOf(attempt.move) << 3)
  into[at] = what | bit(attempt.early, 6) | bit(attempt.risky, 7)
  into[at + 1] = nibbles(attempt.claims, attempt.failed | bit(attempt.recorded, 3))
  return at + ATTEMPT_BYTES
}

function unpackAttempt(from: Uint8Array, at: number): Attempt {
  const [what, numbers] = [from[at]!, from[at + 1]!]
  return {
    phase: PHASES[what & 7]!,
    move: MOVES[(what >> 3) & 7]!,
    claims: numbers & 15,
    failed: (numbers >> 4) & 7,
    early: (what & 64) !== 0,
    risky: (what & 128) !== 0,
    recorded: (numbers & 128) !== 0,
  }
}
