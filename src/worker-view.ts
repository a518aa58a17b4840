import type { Incarnation, KnownDefinition, WorkerRecord } from './model/task.ts'

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
  /** For example `node 24.15.0`. Undefined for a release that did not say. */
  readonly runtime: string | undefined
  /** When it registered. */
  readonly since: Date
  /** False: it only adds (`works: false`). */
  readonly works: boolean
  /** The queues it takes tasks from; none when it only adds. */
  readonly queues: readonly string[]
  /** What it can run: tasks of these names, of that version and older ones. */
  readonly definitions: readonly KnownDefinition[]
}

/** A worker's row with its values read. */
export function workerView(record: WorkerRecord): WorkerView {
  const { incarnation: worker, name, pid, host, version, runtime, registeredAt, queues, definitions } = record
  const works = queues.length > 0
  return { worker, name, pid, host, version, runtime, since: new Date(registeredAt), works, queues, definitions }
}
