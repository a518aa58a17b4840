import type { FinalState, TaskState } from './task-state.ts'

/** A task's identity: a UUIDv7 made where it was added, or the caller's own idempotency id (1 to 200 characters). */
export type TaskId = string

/** The identity of one registration of one worker; given by the store, never reused. */
export type Incarnation = number

/** Milliseconds since the Unix epoch, as stored. */
export type Instant = number

/** What a stored value survives: `power` a power cut, `process` the death of the process. */
export type Durability = 'power' | 'process'

/** Which answers keep a task: those below 400 (`success`), those from 400 (`error`), or all of them (`always`). */
export type OnStatus = 'success' | 'error' | 'always'

/** How a value was written: 0 is plain JSON, 1 is devalue's tagged encoding. */
export type ValueFormat = 0 | 1

/** A value as the store holds it. */
export interface StoredValue {
  readonly format: ValueFormat
  readonly text: string
}

/** Which tasks are alike: where they wait, the definition's name, and its version when they were added. */
export interface TaskKind {
  readonly queue: string
  readonly name: string
  /** 1 to 100; it says how the input is to be read. */
  readonly version: number
}

/** A definition that a worker can run: with tasks of this version and of those before it. */
export interface KnownDefinition {
  readonly name: string
  readonly version: number
}

/** One unit of work on its way into the store. */
export interface NewTask extends TaskKind {
  readonly id: TaskId
  /** Higher runs sooner; 0 is ordinary. */
  readonly priority: number
  /** When it may run; undefined is at once. */
  readonly dueAt: Instant | undefined
  readonly addedAt: Instant
  readonly input: StoredValue
  readonly durability: Durability
  /** The id of the first task of its response. Undefined: outside any series. */
  readonly series: TaskId | undefined
  /** The task of its series just before it: it waits until that one's first attempt has ended. */
  readonly after: TaskId | undefined
  /** The id of the request that added it. */
  readonly requestId: string | undefined
  /** Data that travels with the task: what `carry` returned. */
  readonly carried: StoredValue | undefined
  /** True when the id was chosen by the caller: then an existing task of that id, also a finished one, is kept. */
  readonly idempotent: boolean
  /** The incarnation that wants to run it, claimed as it is inserted. Undefined: whoever is free. */
  readonly claimFor: Incarnation | undefined
  /** With `claimFor`: all places are taken, so it is claimed ahead of its turn. */
  readonly early?: boolean
}

/** A claimed task, with all that an attempt needs. */
export interface ClaimedTask extends TaskKind {
  readonly id: TaskId
  readonly priority: number
  readonly addedAt: Instant
  readonly input: StoredValue
  readonly requestId: string | undefined
  readonly carried: StoredValue | undefined
  /** Set when others of its response may wait behind it. */
  readonly series: TaskId | undefined
  /** How often it was claimed, this time included. With the incarnation it names this attempt and no other. */
  readonly claims: number
  /** The attempts whose worker died while holding it. */
  readonly crashes: number
  /** The attempts that a stopping worker gave back unharmed. */
  readonly handBacks: number
  /** The claims that count as no attempt: those that ended in `retryAfter(…, { costsAttempt: false })`, or never began. */
  readonly deferrals: number
  /** It was claimed ahead of its turn, or has crashed before: the store takes it as not begun until it is told. */
  readonly early: boolean
  /** A worker died while it held the task ahead of its turn. */
  readonly suspect: boolean
}

/** The number of an attempt as users count: the first is 1; hand-backs and free retries are not counted. */
export function attemptNumber(task: Pick<ClaimedTask, 'claims' | 'handBacks' | 'deferrals'>): number {
  return task.claims - task.handBacks - task.deferrals
}

/** An error as the store keeps it: plain data, never code. */
export interface StoredError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  /** What led to it, one level deep. */
  readonly cause?: Omit<StoredError, 'cause'>
}

/** How an attempt ended, on its way into the store. `claims` is the guard: a stale one changes nothing. */
export type Outcome = {
  readonly id: TaskId
  readonly claims: number
} & (
  | {
      readonly move: 'succeed'
      readonly result: StoredValue | undefined
      /** Set when the work is done but its result could not be stored. */
      readonly error: StoredError | undefined
      /** Retention keeps no succeeded tasks and nobody waits for this one: it goes at once. */
      readonly forget: boolean
      /** What the attempt added: stored with its success, and only then. */
      readonly adds?: readonly NewTask[] | undefined
    }
  | { readonly move: 'retry'; readonly dueAt: Instant; readonly error: StoredError; readonly costsAttempt: boolean }
  | { readonly move: 'fail'; readonly error: StoredError }
  | { readonly move: 'cancel'; readonly error: StoredError }
)

/** The end of an attempt that did its work. */
export type Success = Outcome & { readonly move: 'succeed' }

/** Everything the store knows of a task; live ones and those in the history alike. */
export interface TaskRecord extends TaskKind {
  readonly id: TaskId
  readonly state: TaskState
  readonly priority: number
  readonly addedAt: Instant
  /** For scheduled tasks: when due. */
  readonly dueAt: Instant | undefined
  /** For running tasks: the incarnation that holds the claim. */
  readonly worker: Incarnation | undefined
  /** For running tasks: claimed ahead of its turn, or after a crash, and not known to have begun. */
  readonly early: boolean
  readonly claims: number
  readonly crashes: number
  readonly handBacks: number
  readonly deferrals: number
  readonly series: TaskId | undefined
  readonly after: TaskId | undefined
  readonly durability: Durability
  readonly input: StoredValue
  readonly requestId: string | undefined
  readonly carried: StoredValue | undefined
  /** The last value given to `context.progress`. */
  readonly progress: StoredValue | undefined
  readonly result: StoredValue | undefined
  /** The error of the latest attempt that failed. */
  readonly error: StoredError | undefined
  readonly finishedAt: Instant | undefined
  /** A cancel was asked for while it ran. */
  readonly cancelling: boolean
}

/** A worker as registered in the store. */
export interface WorkerRecord {
  readonly incarnation: Incarnation
  readonly name: string
  readonly pid: number
  readonly host: string
  /** Of the library. */
  readonly version: string
  /** For example `node 24.15.0`. Undefined when its release did not say. */
  readonly runtime: string | undefined
  /** Grows by one with every heartbeat; an observer judges by its own clock how long it has stood still. */
  readonly beat: number
  readonly queues: readonly string[]
  readonly definitions: readonly KnownDefinition[]
  readonly registeredAt: Instant
  /** Silent this long, it wants to be taken for dead, in milliseconds. Undefined when its release did not say. */
  readonly leaseMs: number | undefined
}

/** What a worker says of itself when it registers. */
export type WorkerRegistration = Omit<WorkerRecord, 'incarnation' | 'beat' | 'leaseMs' | 'runtime'> & {
  readonly leaseMs: number
  readonly runtime: string
}

/** How long finished tasks are kept, by final state, in milliseconds. */
export type Retention = Readonly<Record<FinalState, number>>
