import type { SessionSql } from '../model/session.ts'
import type { TaskState } from '../model/task-state.ts'
import type {
  ClaimedTask,
  Incarnation,
  Instant,
  NewTask,
  Outcome,
  Retention,
  StoredValue,
  TaskId,
  TaskKind,
  TaskRecord,
  WorkerRecord,
  WorkerRegistration,
  Durability,
} from '../model/task.ts'

/** Everything of one turn of the event loop that goes into one transaction. */
export interface WriteBatch {
  readonly worker: Incarnation | undefined
  readonly adds: readonly NewTask[]
  readonly outcomes: readonly Outcome[]
  /** Attempts claimed ahead of their turn that have begun by now. By default none. */
  readonly begun?: readonly { readonly id: TaskId; readonly claims: number }[]
  readonly progress: readonly { readonly id: TaskId; readonly claims: number; readonly value: StoredValue }[]
  /** What attempts keep for later ones. By default nothing. */
  readonly steps?: readonly KeptStep[] | undefined
  /** The strongest durability that one of the adds or steps asks for; undefined when there is none. */
  readonly durability: Durability | undefined
  /** What the worker wants to claim in the same transaction. */
  readonly claim: ClaimAsk | undefined
}

/** A value that an attempt keeps for later attempts of its task, by a name of the task's own. One that is there already stays. */
export interface KeptStep {
  readonly id: TaskId
  readonly claims: number
  readonly name: string
  readonly value: StoredValue
}

/** What became of one add, in the order of `WriteBatch.adds`. `exists`: an idempotent id was there already. */
export type Added =
  | { readonly kind: 'added'; readonly state: TaskState }
  | { readonly kind: 'exists'; readonly state: TaskState }
  /** The id belongs to a task of another name or another input; nothing was added. */
  | { readonly kind: 'taken'; readonly by: string }

/** A transaction that is committed and visible. */
export interface Written {
  readonly added: readonly Added[]
  /** For each outcome whether the worker still held the claim; a stale one changed nothing. */
  readonly recorded: readonly boolean[]
  /** What became of the adds of those outcomes that were recorded, by the id of the task that added them. Undefined: there were none. */
  readonly addedBy?: ReadonlyMap<TaskId, readonly Added[]> | undefined
  /** For each of the steps whether the worker still held the claim; of a stale one nothing is kept. Undefined: there were none. */
  readonly kept?: readonly boolean[] | undefined
  /** Tasks that were waiting behind one of the outcomes and now belong to this worker. */
  readonly released: readonly ClaimedTask[]
  /** Queues in which a task became ready that nobody owns. */
  readonly ready: ReadonlySet<string>
  /** What was claimed, when that was asked for. */
  readonly claimed: Claimed | undefined
  /** The worker is no longer registered: it was declared dead. Its adds were stored for whoever is free. */
  readonly fenced: boolean
  /** Live tasks in the store after it. */
  readonly live: number
  /** Resolves when the batch survives what its durability promises; undefined when it already does. */
  readonly durable: Promise<void> | undefined
}

/** How much a worker wants. */
export interface ClaimAsk {
  /** How many tasks to claim at most, by queue; a paused queue gives nothing. */
  readonly room: ReadonlyMap<string, number>
  /**
   * How many of these would wait for a place: they are marked as claimed ahead of their turn, as is each task that has crashed
   * before. By default none.
   */
  readonly early?: ReadonlyMap<string, number>
  /**
   * Whether one task on probation (two crashes behind it) may be among them; such tasks run one at a time. True: on a place
   * that no other task could have. `first`: before all others, also ahead of its turn, so that a backlog does not keep it
   * from ever running.
   */
  readonly probation: boolean | 'first'
}

/** Writes to the store as a part of somebody else's transaction in the same database: all of it is there with its commit, or nothing. */
export interface StoreJoin {
  /** The same as `Store.write`; what it answers holds once that transaction is committed. */
  write(batch: WriteBatch, now: Instant): Promise<Joined> | Joined
  /** That transaction is committed. Undefined when what was added survives what its durability promises, else a promise of it. */
  committed(): Promise<void> | undefined
  /** That transaction has ended, one way or the other: what waited for it in the store has the next turn. */
  ended(): void
  /** Whether it is open still; undefined where nobody can tell. */
  readonly isOpen: boolean | undefined
}

/** What a write gave that is not committed yet. */
export type Joined = Omit<Written, 'durable'>

/** What a claim gave. */
export interface Claimed {
  readonly tasks: readonly ClaimedTask[]
  /** When the next scheduled task is due; undefined when none is scheduled. */
  readonly nextDueAt: Instant | undefined
  /** Whether more may be ready than was given. */
  readonly more: boolean
  /** Own running tasks that somebody asked to cancel. */
  readonly cancelling: readonly TaskId[]
}

/** What a cancel did. `requested`: it is running; its worker is told. */
export type CancelAnswer =
  | { readonly kind: 'cancelled' | 'finished' | 'unknown' }
  | { readonly kind: 'requested'; readonly worker: Incarnation }

/** What became of a dead worker's claims. */
export interface Rescued {
  readonly requeued: readonly TaskId[]
  readonly quarantined: readonly TaskId[]
  readonly ready: ReadonlySet<string>
}

/** How many tasks stand in each live state, by queue. */
export type Counts = ReadonlyMap<string, Readonly<Record<'scheduled' | 'waiting' | 'ready' | 'running', number>>>

/** Which tasks to look at; all that is given has to match. */
export interface ListAsk {
  /** At least one. Undefined: all. */
  readonly states: readonly TaskState[] | undefined
  readonly queue: string | undefined
  readonly name: string | undefined
  readonly requestId: string | undefined
  /** The first task of a response: itself and those whose `series` it is. */
  readonly series: TaskId | undefined
  /** Only tasks that come after this one in the list, whether or not it is still there. */
  readonly before: TaskId | undefined
  /** At least 1. */
  readonly limit: number
}

/** One page of tasks, newest first. */
export interface Listed {
  readonly tasks: readonly TaskRecord[]
  /** Where the next page begins: its `before`. The look is bounded, so a page may hold fewer than asked for, or none, and go on. */
  readonly next: TaskId | undefined
}

/** What a store can do beyond the port's contract; the conformance suite names what it skips for lack of one. */
export interface StoreCapabilities {
  /** Several processes may open it at once. */
  readonly shared: boolean
  /** It survives the process. */
  readonly persistent: boolean
}

/** Where a store is to be found from another thread. Can be cloned. */
export interface StoreAddress {
  /** The URL of a {@link StoreModule}. */
  readonly module: string
  /** What its `storeAt` takes. */
  readonly data: unknown
}

/** A module that opens a store once more. */
export interface StoreModule {
  storeAt(data: unknown): Store
}

/**
 * Everything the engine asks of storage. The verbs are moves of a task, not tables. Time is always passed in.
 *
 * Every verb that changes a task is one transaction, and every change of a running task names the incarnation and
 * the claim it expects: what no longer matches changes nothing and is reported, never overwritten. They take effect in
 * the order of their calls: a stop hands back behind a write that has no answer yet.
 *
 * A task of the queue CANARY_QUEUE (model/canary.ts) is one only for the worker that adds it: it stands in no list and in no
 * count, and where it would become ready again it is gone instead, at the latest when the next worker registers.
 */
export interface Store {
  /** For logs and errors, for example `sqlite:./data/tasks.db`. Never holds a password. */
  readonly url: string
  readonly can: StoreCapabilities
  /** The file with every link resolved, once it is open, when it is one of SQLite. */
  readonly file?: string | undefined
  /** How a thread of this process opens the same store once more, once it is open; undefined where that cannot be. */
  readonly address?: StoreAddress | undefined

  /** Opens and migrates. Throws a coded error when it cannot be used safely. Opening twice is an error of ours. */
  open(): Promise<void>
  /** Makes everything durable and lets go of every resource. Closing twice is fine. */
  close(): Promise<void>

  register(worker: WorkerRegistration): Promise<Incarnation>
  /** Says that the incarnation lives. False: it was declared dead; its claims belong to others. */
  beat(worker: Incarnation, now: Instant): Promise<boolean>
  workers(): Promise<readonly WorkerRecord[]>
  /** Removes the worker's row, unless it holds claims: then others will find it silent, and rescue them. */
  retire(worker: Incarnation): Promise<void>

  /**
   * One transaction: outcomes, then adds, then the claim (due tasks are made ready first; highest priority first,
   * then oldest). A worker is given tasks of the names that it registered, none of a version newer than it knows. Rejects
   * with a coded error when nothing of it was written.
   */
  write(batch: WriteBatch, now: Instant): Promise<Written>
  /**
   * Gives claims back unharmed: all of them, or the ones named. Returns the ids that became ready. One that was claimed
   * ahead of its turn and has not begun was no attempt: it counts among `deferrals`, not among `handBacks`.
   */
  handBack(
    worker: Incarnation,
    tasks: readonly { readonly id: TaskId; readonly claims: number }[] | 'all',
    now: Instant,
  ): Promise<readonly TaskId[]>
  /** Fences a dead incarnation and returns its claims to whoever is free. Safe to repeat and to run in several processes. */
  rescue(dead: Incarnation, now: Instant): Promise<Rescued>

  cancel(id: TaskId, now: Instant): Promise<CancelAnswer>
  /**
   * Brings a failed, cancelled or quarantined task back to ready with fresh counters, and holds back nobody with it. One that was
   * cancelled as it waited rejoins its series while a task before it holds back others. False when there is none.
   */
  requeue(id: TaskId, now: Instant): Promise<boolean>
  find(id: TaskId): Promise<TaskRecord | undefined>
  /** What attempts of the task have kept, by name. It is there for as long as the task is. */
  steps(id: TaskId): Promise<ReadonlyMap<string, StoredValue>>
  /**
   * Looks at tasks in the order of their ids, newest first; those with ids of the caller's own come last. What it costs
   * does not grow with the history when only live states are asked for, and is bounded otherwise.
   */
  list(ask: ListAsk): Promise<Listed>
  /** The earlier tasks of its series that still hold it back, oldest first. */
  ahead(id: TaskId): Promise<readonly TaskId[]>
  counts(): Promise<Counts>
  /** Sets or lifts the pause of a queue, for every process. */
  pause(queue: string, paused: boolean): Promise<void>
  paused(): Promise<ReadonlySet<string>>
  /**
   * Looks at the next `limit` tasks and removes the finished ones past their retention. `done`: it has seen all. One that was
   * cancelled as it waited stays while a task before it in its series holds back those behind it.
   */
  prune(
    retention: Retention,
    now: Instant,
    limit: number,
  ): Promise<{ readonly removed: number; readonly done: boolean }>
  /**
   * A way into the transaction of a session; undefined when it is in another database. The store has to be open.
   *
   * Without it no session is in the database of the store.
   */
  join?(sql: SessionSql): StoreJoin | undefined
  /** The kinds of which a task is ready, each once. Cheap, however many tasks there are. */
  readyKinds(): Promise<readonly TaskKind[]>
  /** Housekeeping that may wait for the disk, for one store object beside the event loop. Called often, so that it must cost nothing when there is nothing to do. */
  tend?(): Promise<void>
}
