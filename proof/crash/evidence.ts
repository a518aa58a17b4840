import type { FinalDatabase } from './final-database.ts'
/**
 * The record of a run, indexed for the checkers: the history in its order, and the database that it left.
 *
 * Two things make a later attempt legitimate although an earlier one was never recorded: the death of its process, and
 * the loss of its claim (others declared its worker dead, because it was held or starved for longer than its lease).
 * A loss has two witnesses, the line of the one who rescued and the line of the one who learned that it was fenced. Either
 * may be missing, because its writer was killed, or come late, because its writer was; hence the slack.
 */
import type { AttemptEnding, Line } from './history.ts'
import type { PlannedTask } from './workload.ts'

/** The line of a rescue is written after it is committed: another process may act on it this much earlier. */
const SLACK_MS = 1_000

/** One attempt that began. Positions are indexes of the history. */
export interface Attempt {
  readonly id: string
  readonly n: number
  readonly step: number
  readonly server: number
  readonly worker: number
  readonly attempt: number
  readonly begin: number
  readonly beginAtMs: number
  /** Where its function ended, and how; undefined when its process was killed before. */
  end: { readonly position: number; readonly how: AttemptEnding } | undefined
}

/** A breach of an invariant. */
export interface Violation {
  /** The checker that found it. */
  readonly kind: string
  /** What is wrong, in one sentence. */
  readonly says: string
  /** The task it is about, if it is about one. */
  readonly id?: string
}

/** One invariant: what breaks it in the evidence. */
export type Checker = (evidence: Evidence) => readonly Violation[]

/** See the top of the file. */
export class Evidence {
  readonly lines: readonly Line[]
  readonly final: FinalDatabase
  readonly planOf: (n: number) => readonly PlannedTask[]
  /** The attempts of each task, in the order in which they began. */
  readonly attempts = new Map<string, Attempt[]>()
  /** The same by request and step, as `n:step`. */
  readonly attemptsByStep = new Map<string, Attempt[]>()
  readonly #open = new Map<string, Attempt>()
  /** By server: where it was ended, by a signal or by itself. */
  readonly #ended = new Map<number, number>()
  readonly #killed = new Map<number, number>()
  readonly #held = new Map<number, number[]>()
  readonly #failed = new Map<number, number>()
  readonly #declaredDead = new Map<number, { readonly position: number; readonly atMs: number }>()
  readonly #servers = new Map<number, Set<number>>()

  constructor(lines: readonly Line[], final: FinalDatabase, planOf: (n: number) => readonly PlannedTask[]) {
    this.lines = lines
    this.final = final
    this.planOf = planOf
    for (const [position, line] of lines.entries()) this.#read(position, line)
  }

  /** Where the life of a server ended, killed or by itself; Infinity when it outlived the history. */
  endOf(server: number): number {
    return this.#ended.get(server) ?? Infinity
  }

  /** True when that server was killed, or its store failed for good, before that position. */
  isLost(server: number, before: number): boolean {
    return (this.#killed.get(server) ?? Infinity) < before || (this.#failed.get(server) ?? Infinity) < before
  }

  /** True when the store of that server failed for good. */
  hasFailed(server: number): boolean {
    return this.#failed.has(server)
  }

  /** True when others had taken back what that attempt's worker held by the time `later` began. */
  lostClaim(attempt: Attempt, later: Attempt): boolean {
    const dead = this.#declaredDead.get(attempt.worker)
    if (dead === undefined) return false
    const wasHeld = (this.#held.get(attempt.server) ?? []).some((position) => position < later.begin)
    return wasHeld || dead.position < later.begin || dead.atMs <= later.beginAtMs + SLACK_MS
  }

  /** True when the worker of that attempt was ever declared dead: it may start what it does not hold any more. */
  isZombie(attempt: Attempt): boolean {
    return this.#declaredDead.has(attempt.worker)
  }

  /** True when one of the incarnations of that server was ever declared dead. */
  wasFenced(server: number): boolean {
    return (this.#servers.get(server) ?? new Set()).values().some((worker) => this.#declaredDead.has(worker))
  }

  /** The servers under which an incarnation was seen: one, unless identities are reused. */
  serversOf(worker: number): readonly number[] {
    return [...this.#servers].filter(([, workers]) => workers.has(worker)).map(([server]) => server)
  }

  /** The position until which an attempt ran: its end, or that of its process. */
  ranUntil(attempt: Attempt): number {
    return Math.min(attempt.end?.position ?? Infinity, this.endOf(attempt.server))
  }

  #read(position: number, line: Line): void {
    switch (line.what) {
      case 'registered':
        return this.#knows(line.server, line.worker)
      case 'begin': {
        const { server, worker, id, n, step, attempt } = line
        const begun: Attempt = {
          id,
          n,
          step,
          server,
          worker,
          attempt,
          begin: position,
          beginAtMs: line.at,
          end: undefined,
        }
        this.#knows(server, worker)
        this.#open.set(nameOf(line), begun)
        push(this.attempts, id, begun)
        push(this.attemptsByStep, `${n}:${step}`, begun)
        return
      }
      case 'end': {
        const attempt = this.#open.get(nameOf(line))
        if (attempt !== undefined) attempt.end ??= { position, how: line.how }
        return
      }
      case 'kill':
        this.#killed.set(line.server!, position)
        return this.#endsAt(line.server!, position)
      case 'exit':
        if (!line.awaited) this.#killed.set(line.server, position)
        return this.#endsAt(line.server, position)
      case 'stop':
        return push(this.#held, line.server!, position)
      case 'store-failed':
        return void this.#failed.set(line.server, position)
      case 'rescued':
      case 'fenced':
        if (!this.#declaredDead.has(line.worker)) this.#declaredDead.set(line.worker, { position, atMs: line.at })
        return
      default:
    }
  }

  #knows(server: number, worker: number): void {
    this.#servers.set(server, (this.#servers.get(server) ?? new Set()).add(worker))
  }

  #endsAt(server: number, position: number): void {
    if (!this.#ended.has(server)) this.#ended.set(server, position)
  }
}

function nameOf(mark: { server: number; worker: number; id: string; attempt: number }): string {
  return `${mark.server} ${mark.worker} ${mark.attempt} ${mark.id}`
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
