import type { Incarnation, WorkerRecord } from './model/task.ts'

/** A registered worker as `background.workers()` shows it. */
export interface WorkerView {
  /** The identity of this registration: what events call `worker`. */
  readonly worker: Incarnation
  /** The option `name`; by default its host and process id. */
  readonly name: string
  readonly pid: number
  readonly host: string
  /** Of the library. */
  readonly version: string
  readonly since: Date
  /** The queues it takes tasks from; none when it only adds. */
  readonly queues: readonly string[]
  /** The names of the tasks that it can run. */
  readonly definitions: readonly string[]
}

/** A worker's row with its values read. */
export function workerView(record: WorkerRecord): WorkerView {
  const { incarnation: worker, name, pid, host, version, registeredAt, queues, definitions } = record
  return { worker, name, pid, host, version, since: new Date(registeredAt), queues, definitions }
}
