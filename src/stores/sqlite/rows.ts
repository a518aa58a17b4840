import type { TaskState } from '../../model/task-state.ts'
import type { ClaimedTask, StoredError, StoredValue, TaskRecord, ValueFormat, WorkerRecord } from '../../model/task.ts'
import { definitionsOf, type Kind } from './kinds.ts'
import { CANCELLING, EARLY, type FormattedValue, formatOf, POWER, SUSPECT } from './marks.ts'

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

function storedValue(text: string | null, marks: number, of: FormattedValue): StoredValue | undefined {
  return text === null ? undefined : { format: formatOf(marks, of), text }
}

/** The columns that a claim returns. */
export interface ClaimRow {
  key: number
  id: string
  kind: number
  priority: number
  added_at: number
  claims: number
  crashes: number
  hand_backs: number
  deferrals: number
  marks: number
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
  after: string | null
  progress: string | null
  result: string | null
  error: string | null
}

/** A value that an attempt has kept. */
export interface StepRow {
  name: string
  format: ValueFormat
  value: string
}

/** A worker's columns. */
export interface WorkerRow {
  incarnation: number
  name: string
  pid: number
  host: string
  version: string
  runtime: string | null
  beat: number
  queues: string
  definitions: string
  registered_at: number
  lease_ms: number | null
}

/** A claimed row as the engine wants it. */
export function claimedTask(row: ClaimRow, { queue, name, version }: Kind): ClaimedTask {
  const { marks } = row
  return {
    id: row.id,
    name,
    queue,
    version,
    priority: row.priority,
    addedAt: row.added_at,
    input: { format: formatOf(marks, 'input'), text: row.input },
    requestId: row.request_id ?? undefined,
    carried: storedValue(row.carried, marks, 'carried'),
    series: row.series ?? undefined,
    claims: row.claims,
    crashes: row.crashes,
    handBacks: row.hand_backs,
    deferrals: row.deferrals,
    early: (marks & EARLY) !== 0,
    suspect: (marks & SUSPECT) !== 0,
  }
}

/** A row as the rest of the library wants it. */
export function taskRecord(row: TaskRow, kind: Kind): TaskRecord {
  const { suspect: _, ...task } = claimedTask(row, kind)
  return {
    ...task,
    state: stateOf(row.state),
    dueAt: row.due_at ?? undefined,
    worker: row.worker ?? undefined,
    after: row.after ?? undefined,
    durability: (row.marks & POWER) !== 0 ? 'power' : 'process',
    progress: storedValue(row.progress, row.marks, 'progress'),
    result: storedValue(row.result, row.marks, 'result'),
    error: row.error === null ? undefined : (JSON.parse(row.error) as StoredError),
    finishedAt: row.finished_at ?? undefined,
    cancelling: (row.marks & CANCELLING) !== 0,
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
    runtime: row.runtime ?? undefined,
    beat: row.beat,
    queues: JSON.parse(row.queues) as string[],
    definitions: definitionsOf(JSON.parse(row.definitions) as string[]),
    registeredAt: row.registered_at,
    leaseMs: row.lease_ms ?? undefined,
  }
}
