import type { ClaimedTask, Incarnation, Instant, Outcome, TaskId } from '../../model/task.ts'
import type { Added, ClaimAsk, Joined, KeptStep, WriteBatch } from '../../ports/store.ts'
import { claimTasks } from './claim.ts'
import type { Database } from './database.ts'
import { TaskInserter } from './insert-tasks.ts'
import { homeKey, spareKey } from './keys.ts'
import { EARLY, formatBits } from './marks.ts'
import { OutcomeRecorder } from './record-outcomes.ts'
import { claimedTask, type ClaimRow } from './rows.ts'

const NONE_PAUSED: ReadonlySet<string> = new Set()

/** What a write changes beside the rows. */
export interface Tally {
  /** By how much the live tasks have become more. */
  live: number
  /** By how much the waiting ones among them have. */
  waiting: number
  /** Queues in which a task became ready that nobody owns. */
  readonly ready: Set<string>
}

/** What a worker told when it registered; a release to itself needs it. */
export interface KnownWorker {
  readonly incarnation: Incarnation
  /** The labels of the kinds that it can run. */
  readonly labels: ReadonlySet<string>
  /** The same as the JSON array that the claim statement takes. */
  readonly labelsJson: string
  /** Tasks that it holds whose rows lie at a spare key. */
  readonly strays: Set<TaskId>
}

/** How the store stands as a write begins. */
interface Standing {
  readonly live: number
  readonly waiting: number
  readonly pausing: number
  readonly registered: number
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
  readonly #tally: Tally = { live: 0, waiting: 0, ready: new Set() }
  readonly #released: ClaimedTask[] = []
  readonly #standing: Standing
  #paused: ReadonlySet<string> = NONE_PAUSED
  /** Places left by queue after what was released; undefined as long as nothing was. */
  #room: Map<string, number> | undefined

  constructor(db: Database, batch: WriteBatch, now: Instant, worker: KnownWorker | undefined) {
    this.#db = db
    this.#batch = batch
    this.#now = now
    this.#standing = db.sql('standing').get(batch.worker ?? null) as unknown as Standing
    this.#fenced = batch.worker !== undefined && this.#standing.registered === 0
    this.#worker = this.#fenced ? undefined : worker
  }

  /** Does all of it; the caller commits. */
  run(): Joined {
    const batch = this.#batch
    const tally = this.#tally
    const counts = this.#standing
    if (counts.pausing === 1) this.#paused = pausedQueues(this.#db)
    this.#mark()
    const kept = batch.steps?.map((step) => this.#keep(step))
    const recorded = this.#recordAll(counts.waiting > 0)
    const inserter = new TaskInserter(this.#db, this.#worker, this.#paused, tally)
    const addedBy = addsOf(batch.outcomes, recorded, inserter)
    const added = inserter.addAll(batch.adds)
    const claimed =
      batch.claim === undefined || this.#worker === undefined
        ? undefined
        : claimTasks(this.#db, this.#worker, this.#ask(batch.claim), this.#paused, this.#now, tally.ready)
    if (tally.live !== 0 || tally.waiting !== 0) this.#db.sql('count_change').run(tally.live, tally.waiting)
    return {
      added,
      recorded,
      addedBy,
      kept,
      released: this.#released,
      ready: tally.ready,
      claimed,
      fenced: this.#fenced,
      live: counts.live + tally.live,
    }
  }

  #ask(claim: ClaimAsk): ClaimAsk {
    return this.#room === undefined ? claim : { ...claim, room: this.#room }
  }

  /** The outcomes, and what waits behind them. */
  #recordAll(anyWaiting: boolean): readonly boolean[] {
    const { worker, outcomes } = this.#batch
    if (worker === undefined) return outcomes.map(() => false)
    const recorded = new OutcomeRecorder(this.#db, worker, this.#worker, this.#now, this.#tally).recordAll(outcomes)
    if (anyWaiting) for (let i = 0; i < outcomes.length; i++) if (recorded[i] === true) this.#release(outcomes[i]!.id)
    return recorded
  }

  /** The first attempt of `id` has ended: the task behind it may start, here at once where that is possible. */
  #release(id: TaskId): void {
    const followers = this.#db.sql('follower').all(id) as { key: number; kind: number }[]
    for (const { key, kind } of followers) {
      const known = this.#db.kinds.of(kind)
      const { queue, label } = known
      this.#tally.waiting--
      const room = this.#worker?.labels.has(label) === true ? this.#takeRoom(queue) : undefined
      if (this.#worker !== undefined && room !== undefined) {
        const early = room === 'early' ? EARLY : 0
        const row = this.#db.sql('release_claimed').get(this.#worker.incarnation, early, key) as unknown as ClaimRow
        if (row.key < 0) this.#worker.strays.add(row.id)
        this.#released.push(claimedTask(row, known))
      } else {
        this.#db.sql('release_ready').run(key)
        this.#tally.ready.add(queue)
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

  /** Whether the worker still held the claim. */
  #keep({ id, claims, name, value }: KeptStep): boolean {
    const worker = this.#worker
    if (worker === undefined) return false
    return this.#atEitherKey(id, (key) => {
      if (this.#db.sql('mark_steps').run(key, id, worker.incarnation, claims).changes === 0) return false
      this.#db.sql('keep_step').run(key, name, value.format, value.text)
      return true
    })
  }

  #atEitherKey(id: TaskId, change: (key: number) => boolean): boolean {
    const home = homeKey(id)
    return (home !== undefined && change(home)) || change(spareKey(id))
  }
}

/** What attempts have added that succeeded: the others have not. */
function addsOf(
  outcomes: readonly Outcome[],
  recorded: readonly boolean[],
  inserter: TaskInserter,
): ReadonlyMap<TaskId, readonly Added[]> | undefined {
  let addedBy: Map<TaskId, readonly Added[]> | undefined
  for (let i = 0; i < outcomes.length; i++) {
    const outcome = outcomes[i]!
    if (outcome.move !== 'succeed' || outcome.adds === undefined || recorded[i] !== true) continue
    addedBy ??= new Map()
    addedBy.set(outcome.id, inserter.addAll(outcome.adds))
  }
  return addedBy
}

function pausedQueues(db: Database): ReadonlySet<string> {
  return new Set((db.sql('paused').all() as { queue: string }[]).map((row) => row.queue))
}
