import { decodeValue } from './engine/codec.ts'
import type { TaskState } from './model/task-state.ts'
import { attemptNumber, type Durability, type StoredError, type TaskId, type TaskRecord } from './model/task.ts'

/** A task as `background.get(id)` shows it. */
export interface TaskView {
  readonly id: TaskId
  readonly name: string
  readonly queue: string
  /** The definition's, when it was added. */
  readonly version: number
  readonly state: TaskState
  readonly priority: number
  /** The latest attempt that began; 0 before the first. */
  readonly attempt: number
  /** How often a worker died while it held the task. */
  readonly crashes: number
  /** How often a stopping worker gave it back unharmed. */
  readonly handBacks: number
  readonly addedAt: Date
  /** For scheduled tasks: when due. */
  readonly dueAt: Date | undefined
  readonly finishedAt: Date | undefined
  readonly durability: Durability
  readonly requestId: string | undefined
  /** The first task of its response, when several were added there in order. */
  readonly series: TaskId | undefined
  readonly input: unknown
  /** The last value given to `context.progress`. */
  readonly progress: unknown
  readonly result: unknown
  /** Of the latest attempt that failed. */
  readonly error: StoredError | undefined
  /** True while a running attempt was asked to stop by `cancel`. */
  readonly cancelling: boolean
}

/** A stored task with its values read. */
export function taskView(record: TaskRecord): TaskView {
  return {
    id: record.id,
    name: record.name,
    queue: record.queue,
    version: record.version,
    state: record.state,
    priority: record.priority,
    attempt: attemptNumber(record),
    crashes: record.crashes,
    handBacks: record.handBacks,
    addedAt: new Date(record.addedAt),
    dueAt: record.dueAt === undefined ? undefined : new Date(record.dueAt),
    finishedAt: record.finishedAt === undefined ? undefined : new Date(record.finishedAt),
    durability: record.durability,
    requestId: record.requestId,
    series: record.series,
    input: decodeValue(record.input),
    progress: record.progress === undefined ? undefined : decodeValue(record.progress),
    result: record.result === undefined ? undefined : decodeValue(record.result),
    error: record.error,
    cancelling: record.cancelling,
  }
}
