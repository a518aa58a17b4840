import type { TaskState } from '../../model/task-state.ts'
import type { ClaimedTask, StoredError, StoredValue, TaskRecord, ValueFormat, WorkerRecord } from '../../model/task.ts'

/** Task states as stored; the partial indexes and the order of the table `task_state` depend on these numbers. */
export const STATE_CODES = {
  ready: 0,
  running: 1,
  scheduled: 2,
  waiting: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
  quarantined: 7,
} as const satisfies Record<TaskState, number>

const STATES = Object.keys(STATE_CODES) as TaskState[]

/** The state that a code stands for. */
export function stateOf(code: number): TaskState {
  const state = STATES[code]
  if (state === undefined) throw new Error(`Unknown task state ${code} in the store.`)
  return state
}

/** Where in `task.formats` the format of each value stands, two bits each. */
export const FORMAT_SHIFT = { input: 0, carried: 2, progress: 4, result: 6 } as const

/** The bits of a value's format. */
export function formatBits(value: StoredValue | undefined, of: keyof typeof FORMAT_SHIFT): number {
  return value === undefined ? 0 : value.format << FORMAT_SHIFT[of]
}

function storedValue(text: string | null, formats: number, of: keyof typeof FORMAT_SHIFT): StoredValue | undefined {
  return text === null ? undefined : { format: ((formats >> FORMAT_SHIFT[of]) & 3) as ValueFormat, text }
}

/** The columns that a claim returns. */
export interface ClaimRow {
  key: number
  id: string
  name: string
  queue: string
  priority: number
  added_at: number
  claims: number
  crashes: number
  hand_backs: number
  deferrals: number
  early: number
  suspect: number
  formats: number
  series: string | null
  request_id: string | null
  carried: string | null
  input: string
}

/** All columns of a task. */
export interface TaskRow extends ClaimRow {
  state: number
  due_at: number | null
  finished_at: number | null
  worker: number | null
  cancelling: number
  durable: number
  after: string | null
  progress: string | null
  result: string | null
  error: string | null
}

/** A worker's columns. */
export interface WorkerRow {
  incarnation: number
  name: string
  pid: number
  host: string
  version: string
  beat: number
  queues: string
  definitions: string
  registered_at: number
}

/** A claimed row as the engine wants it. */
export function claimedTask(row: ClaimRow): ClaimedTask {
  return {
    id: row.id,
    name: row.name,
    queue: row.queue,
    priority: row.priority,
    addedAt: row.added_at,
    input: { format: (row.formats & 3) as ValueFormat, text: row.input },
    requestId: row.request_id ?? undefined,
    carried: storedValue(row.carried, row.formats, 'carried'),
    series: row.series ?? undefined,
    claims: row.claims,
    crashes: row.crashes,
    handBacks: row.hand_backs,
    deferrals: row.deferrals,
    early: row.early === 1,
    suspect: row.suspect === 1,
  }
}

/** A row as the rest of the library wants it. */
export function taskRecord(row: TaskRow): TaskRecord {
  const { suspect: _, ...task } = claimedTask(row)
  return {
    ...task,
    state: stateOf(row.state),
    dueAt: row.due_at ?? undefined,
    worker: row.worker ?? undefined,
    after: row.after ?? undefined,
    durability: row.durable === 1 ? 'power' : 'process',
    progress: storedValue(row.progress, row.formats, 'progress'),
    result: storedValue(row.result, row.formats, 'result'),
    error: row.error === null ? undefined : (JSON.parse(row.error) as StoredError),
    finishedAt: row.finished_at ?? undefined,
    cancelling: row.cancelling === 1,
  }
}

/** A worker's row as the engine wants it. */
export function workerRecord(row: WorkerRow): WorkerRecord {
  return {
    incarnation: row.incarnation,
    name: row.name,
    pid: row.pid,
    host: row.host,
    version: row.version,
    beat: row.beat,
    queues: JSON.parse(row.queues) as string[],
    definitions: JSON.parse(row.definitions) as string[],
    registeredAt: row.registered_at,
  }
}
