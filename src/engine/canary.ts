/**
 * How a process proves that tasks pass: a task of its own is added, claimed as it is inserted, run and finished, through the
 * journal, the store and an attempt as those of users are. It takes no place of a queue, so that a full or paused queue does not
 * matter; it is told of by no event; and it leaves no row.
 */
import { CANARY_QUEUE } from '../model/canary.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import type { Logger } from '../model/logger.ts'
import type { ClaimedTask, Durability, Incarnation, NewTask } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Added } from '../ports/store.ts'
import { Attempt, type AttemptHost, type AttemptRules, type Ending } from './attempt.ts'
import type { AddEntry, Journal } from './journal.ts'
import { Lane } from './lane.ts'

/** A proof holds so long; one that failed is tried again sooner. */
const PROVEN_MS = 5_000
const FAILED_MS = 1_000

const CANARY: AnyTaskDefinition = Object.freeze({
  name: 'canary',
  schema: undefined,
  version: 1,
  upgrade: undefined,
  queue: CANARY_QUEUE,
  priority: 0,
  retry: undefined,
  timeoutMs: undefined,
  on: 'always',
  isolation: undefined,
  sessions: undefined,
  run: () => undefined,
})

/** What a canary needs of the engine. */
export interface CanaryParts {
  readonly clock: Clock
  readonly ids: Ids
  readonly rules: AttemptRules
  readonly logger: Logger
  /** That of the users' tasks: what it promises is part of the proof. */
  readonly durability: Durability
  journal(): Journal
  incarnation(): Incarnation | undefined
}

/** Sends canaries, one at a time and not too often. */
export class Canary {
  readonly #parts: CanaryParts
  #flight: Flight | undefined

  constructor(parts: CanaryParts) {
    this.#parts = parts
  }

  /** The latest one. Undefined before the first, and of a worker that is not registered any more. */
  get flight(): Flight | undefined {
    return this.#flight?.worker === this.#parts.incarnation() ? this.#flight : undefined
  }

  /** Sends one if it is time; gives the one that proves something, or is under way. Undefined while nobody is registered. */
  send(): Flight | undefined {
    const worker = this.#parts.incarnation()
    if (worker === undefined) return undefined
    if (this.#isDue(worker)) {
      this.#flight = new Flight(worker, this.#parts)
      this.#parts.journal().add(this.#flight)
    }
    return this.flight
  }

  #isDue(worker: Incarnation): boolean {
    const last = this.#flight
    if (last === undefined || last.worker !== worker) return true
    if (!last.isOver) return false
    return last.ageMs >= (last.problem === undefined ? PROVEN_MS : FAILED_MS)
  }
}

/** One canary, from its add to the record of its outcome. */
export class Flight implements AddEntry, AttemptHost {
  readonly worker: Incarnation
  readonly rules: AttemptRules
  readonly logger: Logger
  readonly tasks: readonly [NewTask & ClaimedTask]
  /** Why it proves nothing. `lost`: this worker does not own it any more. */
  problem: unknown
  /** How long the store took to make it durable, in milliseconds; undefined until then. */
  durableMs: number | undefined
  readonly #parts: CanaryParts
  readonly #begunMs: number
  readonly #landed = Promise.withResolvers<void>()
  #over = false

  constructor(worker: Incarnation, parts: CanaryParts) {
    this.worker = worker
    this.rules = parts.rules
    this.logger = parts.logger
    this.#parts = parts
    this.#begunMs = parts.clock.monotonicMs()
    this.tasks = [canaryTask(worker, parts)]
  }

  get isOver(): boolean {
    return this.#over
  }

  /** Resolves when it is over. */
  get landed(): Promise<void> {
    return this.#landed.promise
  }

  /** Milliseconds since it began. */
  get ageMs(): number {
    return this.#parts.clock.monotonicMs() - this.#begunMs
  }

  stored(error: Error | undefined, added: readonly Added[], from: number): void {
    this.durableMs = this.ageMs
    if (error !== undefined) return this.#land(error)
    const answer = added[from]
    if (answer?.kind !== 'added' || answer.state !== 'running') return this.#land('lost')
    // As a task of a response: it starts on a later turn of the event loop.
    this.#parts.clock.soon(() => new Attempt(this.tasks[0], CANARY, new Lane(CANARY_QUEUE, 1), this).start())
  }

  progress(): void {}

  keeping(): never {
    throw new Error('A canary keeps nothing.')
  }

  sessions(): never {
    throw new Error('A canary uses no session.')
  }

  addition(): never {
    throw new Error('A canary adds nothing.')
  }

  forgets(): boolean {
    return true
  }

  ended(attempt: Attempt, ending: Ending): void {
    if (typeof ending === 'string') return this.#land('lost')
    this.#parts.journal().finish(attempt, true)
  }

  recorded(_: Attempt, recorded: boolean | undefined): void {
    this.#land(recorded === true ? undefined : 'lost')
  }

  #land(problem: unknown): void {
    this.problem = problem
    this.#over = true
    this.#landed.resolve()
  }
}

function canaryTask(worker: Incarnation, { ids, clock, durability }: CanaryParts): NewTask & ClaimedTask {
  return {
    id: ids.task(),
    name: CANARY.name,
    queue: CANARY_QUEUE,
    version: 1,
    priority: 0,
    dueAt: undefined,
    addedAt: clock.now(),
    input: { format: 0, text: 'null' },
    durability,
    series: undefined,
    after: undefined,
    requestId: undefined,
    carried: undefined,
    idempotent: false,
    claimFor: worker,
    // Ahead of its turn: a worker that dies with it is charged no crash, and nothing is quarantined.
    early: true,
    claims: 1,
    crashes: 0,
    handBacks: 0,
    deferrals: 0,
    suspect: false,
  }
}
