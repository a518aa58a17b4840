import { asError } from '../model/as-error.ts'
import { AfterwordError, isAfterwordError } from '../model/errors.ts'
import type { ClaimedTask, Durability, NewTask, Outcome, StoredValue, TaskId, Incarnation } from '../model/task.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Added, ClaimAsk, KeptStep, Store, Written } from '../ports/store.ts'

/** Outcomes wait this long for an add that takes them along, unless the process has a pace of its own. */
const OUTCOME_WAIT_MS = 10
/** So many outcomes are worth a transaction of their own. */
const OUTCOMES_MAX = 64
/**
 * So many adds in a turn of the event loop are a crowd, and it waits for the rest of itself while turns bring more, this
 * many turns at most. Measured with 64 connections: 62 adds in a group instead of 57, and 5 % more requests.
 */
const CROWD = 8
const TURNS_MORE = 2
/** The pause before outcomes are written again after the store refused them. */
const RETRY_MS = 500

const NOTHING: readonly Added[] = []

/** Tasks to be added together. Objects with a method, not callbacks: several thousand of them are made in a second. */
export interface AddEntry {
  readonly tasks: readonly NewTask[]
  /**
   * Told once that all of them are durable, or that nothing was kept. `added` holds the answers of the whole transaction;
   * those of this entry begin at `from`.
   */
  stored(error: Error | undefined, added: readonly Added[], from: number): void
}

/** An attempt's end to be recorded. */
export interface OutcomeEntry {
  readonly outcome: Outcome
  /** Told once whether it was, and what became of its adds. Undefined: the store is gone for good and nothing was recorded. */
  recorded(recorded: boolean | undefined, added?: readonly Added[]): void
}

/** An attempt that was claimed ahead of its turn and begins. */
export interface Beginning {
  readonly task: Pick<ClaimedTask, 'id' | 'claims'>
  readonly isOver: boolean
}

/** A value that an attempt keeps. */
interface StepEntry {
  readonly step: KeptStep
  readonly resolve: (kept: boolean) => void
  readonly reject: (error: Error) => void
}

/** What one transaction takes along. */
interface Gathered {
  readonly adds: readonly AddEntry[]
  readonly outcomes: readonly OutcomeEntry[]
  readonly steps: readonly StepEntry[]
  readonly progress: readonly { readonly id: TaskId; readonly claims: number; readonly value: StoredValue }[]
  readonly begun: readonly Beginning['task'][]
  /** Attempts that wait for that. */
  readonly starts: readonly (() => void)[]
}

/** What the journal asks of the worker it writes for. */
export interface JournalOwner {
  readonly incarnation: Incarnation | undefined
  /** The store has ended for good: what was not written never will be. */
  readonly storeFailed: boolean
  /** What to claim in the transaction that is about to be written, if anything. */
  claimAsk(): ClaimAsk | undefined
  /** A transaction that was written for that incarnation is committed. */
  written(written: Written, worker: Incarnation | undefined): void
  /** A transaction was refused. */
  refused(error: unknown): void
}

/**
 * The one writer of a process. It gathers all adds and outcomes of a turn of the event loop, or of up to three when adds come
 * in a crowd, and the claim that the worker wants, and writes them in one transaction: one sync for all of them.
 *
 * Adds are acknowledged when durable, never earlier. Outcomes ride along with adds or go after 10 ms: what a crash
 * takes back of them is repeated, not lost. While a transaction waits for a busy store, what comes gathers for the next.
 */
export class Journal {
  readonly #store: Store
  readonly #clock: Clock
  readonly #owner: JournalOwner
  readonly #outcomeWaitMs: number
  #adds: AddEntry[] = []
  #outcomes: OutcomeEntry[] = []
  #steps: StepEntry[] = []
  #progress = new Map<TaskId, { id: TaskId; claims: number; value: StoredValue }>()
  /** Most are over before anything is written, and cost no more than their place here. */
  #begun: Beginning[] = []
  #starts: (() => void)[] = []
  #claimWanted = false
  /** Somebody waits for an outcome or a mark: it goes with the very next transaction. */
  #urgent = false
  #scheduled = false
  #writing = false
  #timer: Timer | undefined
  #undurable = 0
  #ended = false
  #idle: (() => void)[] = []

  constructor(store: Store, clock: Clock, owner: JournalOwner, outcomeWaitMs = OUTCOME_WAIT_MS) {
    this.#store = store
    this.#clock = clock
    this.#owner = owner
    this.#outcomeWaitMs = outcomeWaitMs
  }

  /** Outcomes that are not in the store yet. */
  get outcomesPending(): number {
    return this.#outcomes.length
  }

  add(entry: AddEntry): void {
    this.#adds.push(entry)
    // While a group is on its way to the disk the next one gathers: it could not be durable any earlier.
    if (this.#undurable > 0) return strongest([entry]) === 'power' ? undefined : this.#hurry()
    this.#schedule()
  }

  /** With `hurry` it goes with the very next transaction. */
  finish(entry: OutcomeEntry, hurry: boolean): void {
    this.#outcomes.push(entry)
    if (hurry || this.#outcomes.length >= OUTCOMES_MAX) this.#hurry()
    else this.#arm(this.#outcomeWaitMs)
  }

  /**
   * An attempt that was claimed ahead of its turn begins. Most end before it is written, and then it need not be.
   * With `start` the attempt waits for it; that is called also when the store refuses: the attempt is ours all the same.
   */
  begun(attempt: Beginning, start: (() => void) | undefined): void {
    this.#begun.push(attempt)
    if (start !== undefined) this.#starts.push(start)
    if (start !== undefined) this.#hurry()
    else this.#arm(this.#outcomeWaitMs)
  }

  /** Keeps the latest value of each attempt for the next transaction. */
  progress(id: TaskId, claims: number, value: StoredValue): void {
    if ((this.#progress.get(id)?.claims ?? 0) > claims) return
    this.#progress.set(id, { id, claims, value })
    this.#arm(this.#outcomeWaitMs)
  }

  /**
   * Resolves once the value is durable; to false when another worker has the task, and nothing was kept. It stays until the store takes it,
   * for what it stands for is done.
   *
   * @throws never: rejects with a code of the store when that has ended for good, and STORE_CLOSED when its worker stops.
   */
  keep(step: KeptStep): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#steps.push({ step, resolve, reject })
      this.#hurry()
    })
  }

  /** What attempts of the task have kept. */
  kept(id: TaskId): ReturnType<Store['steps']> {
    return this.#store.steps(id)
  }

  /** The worker has room: its claim goes with the next transaction. */
  wantClaim(): void {
    this.#claimWanted = true
    this.#schedule()
  }

  /** Writes what is gathered and resolves when all of it is durable or refused. */
  async settle(): Promise<void> {
    if (this.#isIdle()) return
    if (!this.#isEmpty()) this.#hurry()
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Hands what is gathered to the store at once, also behind a transaction that waits for it: a stop waits no longer. */
  hasten(): void {
    if (!this.#isEmpty()) this.#write(undefined)
  }

  /** Its worker stops: what the store has not taken by now is left to those who rescue it. */
  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#timer = undefined
    const [outcomes, steps] = [this.#outcomes, this.#steps]
    this.#outcomes = []
    this.#steps = []
    for (const entry of outcomes) entry.recorded(undefined)
    for (const { reject } of steps) reject(new AfterwordError('STORE_CLOSED', { file: this.#store.url }))
  }

  #isIdle(): boolean {
    return !this.#writing && this.#undurable === 0 && this.#isEmpty()
  }

  #isEmpty(): boolean {
    const waiting = this.#adds.length + this.#outcomes.length + this.#steps.length
    return waiting + this.#progress.size + this.#begun.length === 0
  }

  #hurry(): void {
    this.#urgent = true
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return
    this.#scheduled = true
    this.#clock.soon(() => this.#onTurn(0, TURNS_MORE))
  }

  /** Writes what is gathered. Where this turn brought many, the rest of the crowd is right behind and shares their sync. */
  #onTurn(before: number, turnsLeft: number): void {
    const { length } = this.#adds
    if (length >= CROWD && length > before && turnsLeft > 0) {
      return this.#clock.soon(() => this.#onTurn(length, turnsLeft - 1))
    }
    this.#scheduled = false
    this.#flush()
  }

  /** The process lives until what it has done is written. */
  #arm(ms: number): void {
    if (!this.#ended) this.#timer ??= this.#clock.after(ms, () => this.#onTimer(), true)
  }

  #onTimer(): void {
    this.#timer = undefined
    this.#schedule()
  }

  #flush(): void {
    if (this.#writing) return
    const claim = this.#claimWanted ? this.#owner.claimAsk() : undefined
    this.#claimWanted = false
    if (claim === undefined && this.#isEmpty()) return this.#wakeIdle()
    this.#write(claim)
  }

  #write(claim: ClaimAsk | undefined): void {
    const gathered = this.#takeAll()
    const { adds, outcomes, steps, progress, begun } = gathered
    this.#writing = true
    const batch = {
      worker: this.#owner.incarnation,
      adds: tasksOf(adds),
      outcomes: outcomes.map((entry) => entry.outcome),
      begun,
      progress,
      steps: steps.length === 0 ? undefined : steps.map(({ step }) => step),
      // What was kept is not to be done again, whatever happens.
      durability: steps.length === 0 ? strongest(adds) : 'power',
      claim,
    }
    this.#store.write(batch, this.#clock.now()).then(
      (written) => this.#onWritten(written, gathered, batch.worker),
      (error: unknown) => this.#onRefused(asError(error), gathered),
    )
  }

  #takeAll(): Gathered {
    const gathered = {
      adds: this.#adds,
      outcomes: this.#outcomes,
      progress: [...this.#progress.values()],
      begun: this.#begun.flatMap(({ isOver, task }) => (isOver ? [] : [task])),
      starts: this.#starts,
      steps: this.#steps,
    }
    this.#timer?.cancel()
    this.#timer = undefined
    this.#urgent = false
    this.#adds = []
    this.#outcomes = []
    this.#steps = []
    this.#progress.clear()
    this.#begun = []
    this.#starts = []
    return gathered
  }

  #onWritten(written: Written, gathered: Gathered, worker: Incarnation | undefined): void {
    this.#writing = false
    for (const start of gathered.starts) start()
    const { outcomes } = gathered
    const { recorded, addedBy } = written
    for (let i = 0; i < outcomes.length; i++) outcomes[i]!.recorded(recorded[i], addedBy?.get(outcomes[i]!.outcome.id))
    this.#owner.written(written, worker)
    if (written.durable === undefined) acknowledge(gathered, written)
    else {
      this.#undurable++
      written.durable.then(
        () => this.#onDurable(() => acknowledge(gathered, written)),
        (error: unknown) => this.#onDurable(() => refuseAll(gathered, asError(error))),
      )
    }
    this.#next()
  }

  #onDurable(tell: () => void): void {
    this.#undurable--
    // The next group goes to the disk before this one's answers go to their clients, which takes as long.
    if (this.#adds.length > 0) this.#flush()
    tell()
    this.#wakeIdle()
  }

  #onRefused(error: Error, gathered: Gathered): void {
    this.#writing = false
    for (const start of gathered.starts) start()
    const { adds, outcomes, steps } = gathered
    refuse(adds, error)
    this.#owner.refused(error)
    // Not by the code alone: a statement that fails by itself leaves a store that takes the next one.
    if (this.#owner.storeFailed || isAfterwordError(error, 'STORE_CLOSED')) {
      for (const entry of outcomes) entry.recorded(undefined)
      for (const { reject } of steps) reject(error)
      this.#next()
      return
    }
    // The attempts have ended: their outcomes stay until the store takes them. Room grows no further meanwhile.
    this.#outcomes = [...outcomes, ...this.#outcomes]
    this.#steps = [...steps, ...this.#steps]
    if (this.#adds.length > 0) this.#schedule()
    else if (this.#outcomes.length + this.#steps.length > 0) this.#arm(RETRY_MS)
    this.#wakeIdle()
  }

  #next(): void {
    const gathering = this.#undurable > 0 || this.#adds.length === 0
    if (!gathering || this.#claimWanted || this.#urgent || this.#outcomes.length >= OUTCOMES_MAX) {
      this.#schedule()
    } else if (!this.#isEmpty()) {
      if (this.#idle.length > 0) this.#schedule()
      else this.#arm(this.#outcomeWaitMs)
    }
    this.#wakeIdle()
  }

  #wakeIdle(): void {
    if (this.#idle.length === 0 || !this.#isIdle()) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}

function tasksOf(adds: readonly AddEntry[]): readonly NewTask[] {
  if (adds.length === 1) return adds[0]!.tasks
  const all: NewTask[] = []
  for (const { tasks } of adds) for (const task of tasks) all.push(task)
  return all
}

function strongest(adds: readonly AddEntry[]): Durability | undefined {
  let durability: Durability | undefined
  for (const { tasks } of adds) {
    for (const task of tasks) {
      if (task.durability === 'power') return 'power'
      durability = 'process'
    }
  }
  return durability
}

function acknowledge({ adds, steps }: Gathered, { added, kept }: Written): void {
  for (let i = 0; i < steps.length; i++) steps[i]!.resolve(kept?.[i] === true)
  let from = 0
  for (const entry of adds) {
    entry.stored(undefined, added, from)
    from += entry.tasks.length
  }
}

function refuseAll({ adds, steps }: Gathered, error: Error): void {
  for (const { reject } of steps) reject(error)
  refuse(adds, error)
}

function refuse(adds: readonly AddEntry[], error: Error): void {
  for (const entry of adds) entry.stored(error, NOTHING, 0)
}
