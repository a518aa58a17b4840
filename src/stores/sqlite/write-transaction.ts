import type { Instant, NewTask, Outcome, StoredError, TaskId, ClaimedTask, Incarnation } from '../../model/task.ts'
import type { Added, ClaimAsk, WriteBatch, Written } from '../../ports/store.ts'
import { claimTasks } from './claim.ts'
import type { Database } from './database.ts'
import { homeKey, spareKey } from './keys.ts'
import { claimedTask, type ClaimRow, formatBits, STATE_CODES, stateOf } from './rows.ts'

/** What a row that is there already tells. */
interface Glance {
  state: number
  passed: number
  name: string
  formats: number
  input: string
  worker: number | null
  after: TaskId | null
}

const {
  ready: READY,
  running: RUNNING,
  scheduled: SCHEDULED,
  waiting: WAITING,
  failed: FAILED,
  cancelled: CANCELLED,
} = STATE_CODES
const FIRST_FINAL = STATE_CODES.succeeded
const NONE_PAUSED: ReadonlySet<string> = new Set()

const ADDED: Readonly<Record<number, Added>> = {
  [READY]: { kind: 'added', state: 'ready' },
  [RUNNING]: { kind: 'added', state: 'running' },
  [SCHEDULED]: { kind: 'added', state: 'scheduled' },
  [WAITING]: { kind: 'added', state: 'waiting' },
}

/** What a worker told when it registered; a release to itself needs it. */
export interface KnownWorker {
  readonly incarnation: Incarnation
  readonly names: ReadonlySet<string>
  /** The same names as the JSON array that the claim statement takes. */
  readonly namesJson: string
}

/**
 * One `write`: progress, outcomes (which release what waits behind them), adds, and the claim, in this order.
 * Runs inside a transaction that the caller opened; holds what the answer needs.
 */
export class WriteTransaction {
  readonly #db: Database
  readonly #batch: WriteBatch
  readonly #now: Instant
  readonly #worker: KnownWorker | undefined
  readonly #fenced: boolean
  readonly #ready = new Set<string>()
  readonly #released: ClaimedTask[] = []
  #paused: ReadonlySet<string> = NONE_PAUSED
  /** Places left by queue after what was released; undefined as long as nothing was. */
  #room: Map<string, number> | undefined
  #live = 0
  #waiting = 0

  constructor(db: Database, batch: WriteBatch, now: Instant, worker: KnownWorker | undefined) {
    this.#db = db
    this.#batch = batch
    this.#now = now
    this.#fenced = batch.worker !== undefined && db.sql('registered').get(batch.worker) === undefined
    this.#worker = this.#fenced ? undefined : worker
  }

  /** Does all of it; the caller commits. */
  run(): Omit<Written, 'durable'> {
    const { batch, counts } = { batch: this.#batch, counts: this.#counter() }
    if (counts.pausing === 1) this.#paused = pausedQueues(this.#db)
    this.#mark()
    const recorded = batch.outcomes.map((outcome) => this.#record(outcome, counts.waiting > 0))
    const added = this.#addAll(batch.adds)
    const claimed =
      batch.claim === undefined || this.#worker === undefined
        ? undefined
        : claimTasks(this.#db, this.#worker, this.#ask(batch.claim), this.#paused, this.#now, this.#ready)
    if (this.#live !== 0 || this.#waiting !== 0) this.#db.sql('count_change').run(this.#live, this.#waiting)
    return {
      added,
      recorded,
      released: this.#released,
      ready: this.#ready,
      claimed,
      fenced: this.#fenced,
      live: counts.live + this.#live,
    }
  }

  #counter(): { live: number; waiting: number; pausing: number } {
    return this.#db.sql('counter').get() as { live: number; waiting: number; pausing: number }
  }

  #ask(claim: ClaimAsk): ClaimAsk {
    return this.#room === undefined ? claim : { ...claim, room: this.#room }
  }

  // Outcomes

  #record(outcome: Outcome, anyWaiting: boolean): boolean {
    const worker = this.#batch.worker
    if (worker === undefined) return false
    // A row is at its home key but for the rare one that found it taken, and for ids of the caller's own.
    const home = homeKey(outcome.id)
    const final =
      (home === undefined ? undefined : this.#apply(outcome, home, worker)) ??
      this.#apply(outcome, spareKey(outcome.id), worker)
    if (final === undefined) return false
    if (final) this.#live--
    if (anyWaiting) this.#release(outcome.id)
    return true
  }

  /** Undefined when the guard did not match; else whether the task is final by it. */
  #apply(outcome: Outcome, key: number, worker: Incarnation): boolean | undefined {
    const { id, claims } = outcome
    const db = this.#db
    switch (outcome.move) {
      case 'succeed': {
        if (outcome.forget) {
          const gone = db.sql('succeed_and_forget').run(key, id, worker, claims)
          return gone.changes === 1 ? true : undefined
        }
        const bits = formatBits(outcome.result, 'result')
        const error = outcome.error === undefined ? null : errorText(outcome.error)
        const done = db
          .sql('succeed')
          .run(this.#now, bits, outcome.result?.text ?? null, error, key, id, worker, claims)
        return done.changes === 1 ? true : undefined
      }
      case 'retry': {
        const error = errorText(outcome.error)
        const free = outcome.costsAttempt ? 0 : 1
        if (db.sql('retry').run(outcome.dueAt, error, free, key, id, worker, claims).changes === 1) return false
        const cancelled = db.sql('cancel_instead').run(this.#now, error, key, id, worker, claims)
        return cancelled.changes === 1 ? true : undefined
      }
      case 'fail':
      case 'cancel': {
        const state = outcome.move === 'fail' ? FAILED : CANCELLED
        const done = db.sql('end').run(state, this.#now, errorText(outcome.error), key, id, worker, claims)
        return done.changes === 1 ? true : undefined
      }
    }
  }

  /** The first attempt of `id` has ended: the task behind it may start, here at once where that is possible. */
  #release(id: TaskId): void {
    const followers = this.#db.sql('follower').all(id) as { key: number; queue: string; name: string }[]
    for (const { key, queue, name } of followers) {
      this.#waiting--
      const room = this.#worker?.names.has(name) === true ? this.#takeRoom(queue) : undefined
      if (this.#worker !== undefined && room !== undefined) {
        const early = room === 'early' ? 1 : 0
        const row = this.#db.sql('release_claimed').get(this.#worker.incarnation, early, key) as unknown as ClaimRow
        this.#released.push(claimedTask(row))
      } else {
        this.#db.sql('release_ready').run(key)
        this.#ready.add(queue)
      }
    }
  }

  /** Room for a released task, if this worker has asked for tasks of its queue and has some left: first its places. */
  #takeRoom(queue: string): 'place' | 'early' | undefined {
    const claim = this.#batch.claim
    const room = this.#room?.get(queue) ?? claim?.room.get(queue) ?? 0
    if (room <= 0 || this.#paused.has(queue)) return undefined
    this.#room ??= new Map(claim?.room)
    this.#room.set(queue, room - 1)
    return room > (claim?.early?.get(queue) ?? 0) ? 'place' : 'early'
  }

  // Adds

  #addAll(adds: readonly NewTask[]): Added[] {
    const added: Added[] = []
    let before: { id: TaskId; live: boolean } | undefined
    let links: Map<TaskId, TaskId> | undefined
    for (const given of adds) {
      const link = given.after === undefined ? undefined : links?.get(given.after)
      const task = link === undefined ? given : { ...given, after: link }
      // The common chain, a response's tasks in one batch, needs no look-up of the one before.
      const isNext = before !== undefined && before.id === task.after
      const behind =
        task.after === undefined || (isNext && !before!.live)
          ? undefined
          : isNext
            ? task.after
            : this.#holder(task.after)
      const answer = this.#add(task, behind)
      added.push(answer)
      // A task that was there already is no link of this chain: what comes next waits for the one before it.
      if (answer.kind !== 'added' && behind !== undefined) (links ??= new Map()).set(task.id, behind)
      before = {
        id: task.id,
        live: answer.kind === 'added' || (answer.kind === 'exists' && this.#holder(task.id) === task.id),
      }
    }
    return added
  }

  /** The task that holds back what comes after `id`: itself, or, when it was cancelled as it waited, the one before it. */
  #holder(id: TaskId): TaskId | undefined {
    for (let holder: TaskId | null = id; holder !== null;) {
      const row = this.#glance(holder)
      if (row === undefined || row.passed === 1) return undefined
      if (row.state < FIRST_FINAL) return holder
      if (row.state !== CANCELLED) return undefined
      holder = row.after
    }
    return undefined
  }

  #glance(id: TaskId): Glance | undefined {
    const home = homeKey(id)
    const found = home === undefined ? undefined : this.#db.sql('glance').get(home, id)
    return (found ?? this.#db.sql('glance').get(spareKey(id), id)) as Glance | undefined
  }

  #add(task: NewTask, behind: TaskId | undefined): Added {
    const home = task.idempotent ? undefined : homeKey(task.id)
    // An id of the caller's may also name a task that was added under a home key.
    if (task.idempotent && homeKey(task.id) !== undefined) {
      const there = this.#glance(task.id)
      if (there !== undefined) return sameTask(there, task)
    }
    const mine =
      task.claimFor !== undefined && task.claimFor === this.#worker?.incarnation && !this.#paused.has(task.queue)
    const state = task.dueAt !== undefined ? SCHEDULED : behind !== undefined ? WAITING : mine ? RUNNING : READY
    if (home === undefined || !this.#insert(task, home, state, behind)) {
      // A key that is taken: by this very task, or at home by another one of the same millisecond.
      const there = home === undefined ? undefined : this.#glance(task.id)
      if (there !== undefined) return sameTask(there, task)
      if (!this.#insert(task, spareKey(task.id), state, behind)) return this.#whoIsThere(task)
    }
    this.#live++
    if (state === WAITING) this.#waiting++
    if (state === READY) this.#ready.add(task.queue)
    return ADDED[state]!
  }

  #whoIsThere(task: NewTask): Added {
    const there = this.#glance(task.id)
    // Another id has the same spare key: one chance in 2^52 for each stored task.
    return there === undefined ? { kind: 'taken', by: 'another id' } : sameTask(there, task)
  }

  /** False when the key is taken. */
  #insert(task: NewTask, key: number, state: number, behind: TaskId | undefined): boolean {
    const running = state === RUNNING
    const done = this.#db
      .sql('insert')
      .run(
        key,
        task.id,
        state,
        task.name,
        task.queue,
        task.priority,
        task.addedAt,
        task.dueAt ?? null,
        running ? task.claimFor! : null,
        running ? 1 : 0,
        running && task.early === true ? 1 : 0,
        task.durability === 'power' ? 1 : 0,
        task.input.format | formatBits(task.carried, 'carried'),
        task.series ?? null,
        state === WAITING ? behind! : null,
        task.requestId ?? null,
        task.carried?.text ?? null,
        task.input.text,
      )
    return done.changes === 1
  }

  // Marks on running attempts

  #mark(): void {
    const worker = this.#worker
    if (worker === undefined) return
    for (const { id, claims } of this.#batch.begun ?? []) {
      this.#atEitherKey(id, (key) => this.#db.sql('begun').run(key, id, worker.incarnation, claims).changes === 1)
    }
    for (const { id, claims, value } of this.#batch.progress) {
      const bits = formatBits(value, 'progress')
      this.#atEitherKey(
        id,
        (key) => this.#db.sql('progress').run(bits, value.text, key, id, worker.incarnation, claims).changes === 1,
      )
    }
  }

  #atEitherKey(id: TaskId, change: (key: number) => boolean): void {
    const home = homeKey(id)
    if (home === undefined || !change(home)) change(spareKey(id))
  }
}

function pausedQueues(db: Database): ReadonlySet<string> {
  return new Set((db.sql('paused').all() as { queue: string }[]).map((row) => row.queue))
}

function sameTask(there: Glance, task: NewTask): Added {
  const same = there.name === task.name && there.input === task.input.text && (there.formats & 3) === task.input.format
  return same ? { kind: 'exists', state: stateOf(there.state) } : { kind: 'taken', by: there.name }
}

function errorText(error: StoredError): string {
  return JSON.stringify(error)
}
