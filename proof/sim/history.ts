import { createHash } from 'node:crypto'
import type { StopAccount } from '../../src/index.ts'
import type { TaskState } from '../../src/model/task-state.ts'
import type { Incarnation, TaskId } from '../../src/model/task.ts'
import type { CancelAnswer } from '../../src/ports/store.ts'
import type { Row } from './ledger.ts'
import type { Step } from './plans.ts'
import type { World } from './world.ts'

/** A life of a process: `2.1` is the second life of the third one. */
export type Life = string

/** Verbs of the store port, as events name them. */
export type Verb = string

/** Everything that the checkers see, in the order in which it happened. */
export type SimEvent =
  | { readonly kind: 'born'; readonly life: Life; readonly concurrency: ReadonlyMap<string, number> }
  | { readonly kind: 'dead'; readonly life: Life; readonly why: string }
  | { readonly kind: 'registered'; readonly life: Life; readonly worker: Incarnation }
  | { readonly kind: 'fenced'; readonly worker: Incarnation; readonly by: Life }
  /** One change of one row, in the order of the statements. */
  | {
      readonly kind: 'move'
      readonly life: Life
      readonly verb: Verb
      readonly about: Incarnation | undefined
      readonly before: Row | undefined
      readonly after: Row | undefined
    }
  /** A transaction that changed something is committed. */
  | {
      readonly kind: 'commit'
      readonly life: Life
      readonly verb: Verb
      readonly live: number
      readonly waiting: number
    }
  /** `nth`: how often the task has begun, anywhere; it names the attempt, whatever is counted and whoever was abandoned. */
  | { readonly kind: 'begin'; readonly life: Life; readonly id: TaskId; readonly nth: number; readonly step: Step }
  | { readonly kind: 'end'; readonly life: Life; readonly id: TaskId; readonly nth: number; readonly how: string }
  | { readonly kind: 'abandoned'; readonly life: Life; readonly id: TaskId }
  | { readonly kind: 'recorded'; readonly life: Life; readonly id: TaskId; readonly state: TaskState }
  /** A client asked for it. `series`: the ones that it was added behind. */
  | {
      readonly kind: 'add'
      readonly life: Life
      readonly id: TaskId
      readonly name: string
      readonly isIdempotent: boolean
      readonly series: readonly TaskId[]
    }
  /** The store has answered that it was added, or was there already. The answer has yet to reach its process. */
  | { readonly kind: 'kept'; readonly life: Life; readonly id: TaskId; readonly name: string }
  /** The client was told that it is kept. */
  | { readonly kind: 'ack'; readonly life: Life; readonly id: TaskId; readonly name: string }
  | { readonly kind: 'refused'; readonly life: Life; readonly id: TaskId; readonly code: string }
  /** The status of its answer does not keep it. */
  | { readonly kind: 'dropped'; readonly life: Life; readonly id: TaskId }
  | { readonly kind: 'cancel'; readonly id: TaskId; readonly answer: CancelAnswer['kind'] }
  | { readonly kind: 'result'; readonly life: Life; readonly id: TaskId; readonly answer: string }
  | { readonly kind: 'stopping'; readonly life: Life }
  /** It asks the store to take all of its claims back: what ends from here on ends too late to be recorded. */
  | { readonly kind: 'leaving'; readonly life: Life }
  | { readonly kind: 'stopped'; readonly life: Life; readonly account: StopAccount; readonly timers: number }
  /** From here on nothing goes wrong any more. */
  | { readonly kind: 'healed' }
  /** Nothing lives in the store; `timers`: how many each process has set. */
  | { readonly kind: 'drained'; readonly timers: ReadonlyMap<Life, number> }
  /** The time in which that should have happened is over. */
  | { readonly kind: 'stuck'; readonly why: string }
  /** All processes have stopped. `recount`: what the database holds, counted anew. */
  | { readonly kind: 'over'; readonly recount: { readonly live: number; readonly waiting: number } }
  /** An error that nobody has caught. */
  | { readonly kind: 'escaped'; readonly error: string }
  /** What went wrong from outside; for the log only. */
  | { readonly kind: 'fault'; readonly life: Life | undefined; readonly what: string }

/** Judges a history: called with each event; `fail` with each breach. */
export type Checker = (event: SimEvent) => void

/** What a checker is made with. */
export interface CheckerParts {
  readonly world: World
  /** The rows as they are in the database at this moment. */
  readonly rows: ReadonlyMap<TaskId, Row>
  readonly fail: (what: string) => void
}

/** A kind of checker, by the name of its invariant. */
export type CheckerKind = readonly [name: string, make: (parts: CheckerParts) => Checker]

/** What was broken, when. */
export interface Violation {
  readonly checker: string
  readonly atMs: number
  readonly what: string
}

/** The log of one run: each event as a line, and what the checkers said of it. */
export class History {
  readonly violations: Violation[] = []
  faults = 0
  readonly #lines: string[] = []
  readonly #checkers: readonly Checker[]
  readonly #nowMs: () => number
  readonly #echo: ((line: string) => void) | undefined

  constructor(
    parts: Omit<CheckerParts, 'fail'>,
    kinds: readonly CheckerKind[],
    nowMs: () => number,
    echo?: (line: string) => void,
  ) {
    this.#nowMs = nowMs
    this.#echo = echo
    this.#checkers = kinds.map(([name, make]) => make({ ...parts, fail: (what) => this.#violated(name, what) }))
  }

  /** Tells the checkers and writes a line. */
  tell(event: SimEvent): void {
    if (event.kind === 'fault') this.faults++
    this.note(`${event.kind} ${lineOf(event)}`)
    for (const check of this.#checkers) check(event)
  }

  /** Writes a line that no checker needs. */
  note(text: string): void {
    const line = `${this.#nowMs().toFixed(3)} ${text}`
    this.#lines.push(line)
    this.#echo?.(line)
  }

  /** The last lines. */
  tail(count: number): readonly string[] {
    return this.#lines.slice(-count)
  }

  /** The last lines that name the task. */
  about(id: TaskId, count: number): readonly string[] {
    return this.#lines.filter((line) => line.includes(id)).slice(-count)
  }

  /** The same for the same log, byte for byte. */
  digest(): string {
    return createHash('sha256').update(this.#lines.join('\n')).digest('hex')
  }

  #violated(checker: string, what: string): void {
    this.violations.push({ checker, atMs: this.#nowMs(), what })
    this.note(`VIOLATION ${checker}: ${what}`)
  }
}

function lineOf(event: SimEvent): string {
  switch (event.kind) {
    case 'move':
      return `${event.life} ${event.verb} ${(event.after ?? event.before)!.id} ${rowText(event.before)} > ${rowText(event.after)}`
    case 'born':
      return event.life
    case 'drained':
      return [...event.timers].map(([life, timers]) => `${life}:${timers}`).join(' ')
    case 'stopped':
      return `${event.life} ${event.account.finished} finished, back ${event.account.handedBack.join(',')}, abandoned ${event.account.abandoned.map(({ id }) => id).join(',')}`
    default: {
      const { kind: _, ...rest } = event
      return Object.values(rest)
        .map((value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')))
        .join(' ')
    }
  }
}

function rowText(row: Row | undefined): string {
  if (row === undefined) return 'none'
  const owner = row.worker === null ? '' : `@${row.worker}${row.early === 1 ? 'early' : ''}`
  const marks = `${row.passed === 1 ? ' passed' : ''}${row.cancelling === 1 ? ' cancelling' : ''}${row.suspect === 1 ? ' suspect' : ''}`
  return `${row.state}${owner}(${row.claims}/${row.crashes}/${row.handBacks}/${row.deferrals}${marks})`
}
