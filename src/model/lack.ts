import type { TaskKind, WorkerRecord } from './task.ts'

/**
 * What is missing for tasks of a kind to run: `worker` no worker runs tasks at all; `queue` none serves the queue; `name`
 * none of those that do knows the name; `version` they know it, in older versions only.
 */
export type Lack = 'worker' | 'queue' | 'name' | 'version'

/** What a worker registers of what it takes. */
export type Ability = Pick<WorkerRecord, 'queues' | 'definitions'>

/** Whether a worker can run tasks of that kind. */
export function canRun({ queues, definitions }: Ability, { queue, name, version }: TaskKind): boolean {
  return queues.includes(queue) && definitions.some((known) => known.name === name && known.version >= version)
}

/** Why no registered worker can run tasks of that kind; undefined when one can. */
export function lackOf(kind: TaskKind, workers: readonly Ability[]): Lack | undefined {
  if (workers.some((worker) => canRun(worker, kind))) return undefined
  if (!workers.some(({ queues }) => queues.length > 0)) return 'worker'
  const serving = workers.filter(({ queues }) => queues.includes(kind.queue))
  if (serving.length === 0) return 'queue'
  return serving.some(({ definitions }) => definitions.some(({ name }) => name === kind.name)) ? 'version' : 'name'
}

/** The same in plain words, as the end of a sentence about tasks of that kind. */
export function lackText(lack: Lack, { queue, name, version }: TaskKind): string {
  switch (lack) {
    case 'worker':
      return 'no registered worker runs tasks'
    case 'queue':
      return `no registered worker serves queue "${queue}"`
    case 'name':
      return `no registered worker that serves queue "${queue}" knows its name`
    case 'version':
      return `it is of version ${version}, and the registered workers that serve queue "${queue}" know older versions of "${name}" only`
  }
}
