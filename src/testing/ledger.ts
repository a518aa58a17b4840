import { canRun } from '../model/lack.ts'
import type { Incarnation, Instant, TaskId, TaskRecord, WorkerRegistration } from '../model/task.ts'
import type { Store } from '../ports/store.ts'

/**
 * What the store holds of every task that was ever added to it, in the order added: read again after each change, so that
 * a test can look without waiting. Tasks that retention has pruned stay here as they were last seen.
 */
export class Ledger {
  readonly #store: Pick<Store, 'find'>
  readonly #records = new Map<TaskId, TaskRecord>()
  /** Tasks that another one's change may move: those behind it, and those that have become due. */
  readonly #moved = new Set<TaskId>()
  #version = 0
  #change = Promise.withResolvers<void>()

  constructor(store: Pick<Store, 'find'>) {
    this.#store = store
  }

  /** Grows with each change. */
  get version(): number {
    return this.#version
  }

  /** Resolves at the next change. */
  get changed(): Promise<void> {
    return this.#change.promise
  }

  get records(): IteratorObject<TaskRecord> {
    return this.#records.values()
  }

  get(id: TaskId): TaskRecord | undefined {
    return this.#records.get(id)
  }

  /** Tells those who wait for a change that something else has happened. */
  wake(): void {
    this.#version++
    this.#change.resolve()
    this.#change = Promise.withResolvers<void>()
  }

  /** Reads these tasks again, and those that their change may have moved. */
  async refresh(ids: Iterable<TaskId>, now: Instant): Promise<void> {
    const touched = new Set(ids)
    for (const id of this.#moved) if (this.#mayHaveMoved(this.#records.get(id)!, touched, now)) touched.add(id)
    for (const id of touched) this.#put(id, await this.#store.find(id), now)
    if (touched.size > 0) this.wake()
  }

  /** The tasks that a worker holds; none for no worker. */
  heldBy(worker: Incarnation | undefined): readonly TaskId[] {
    return [...this.#records.values()].filter((record) => isHeldBy(record, worker)).map(({ id }) => id)
  }

  /** The task whose turn it is among those that this worker may take, by the order in which stores give them. */
  next(worker: WorkerRegistration, paused: ReadonlySet<string>, now: Instant): TaskRecord | undefined {
    const open = [...this.#records.values()].filter(
      (record) =>
        (record.state === 'ready' || isDue(record, now)) && !paused.has(record.queue) && canRun(worker, record),
    )
    return open.toSorted(byTurn)[0]
  }

  #mayHaveMoved(record: TaskRecord, touched: ReadonlySet<TaskId>, now: Instant): boolean {
    return record.state === 'waiting' ? touched.has(record.after ?? '') : isDue(record, now)
  }

  #put(id: TaskId, found: TaskRecord | undefined, now: Instant): void {
    const known = this.#records.get(id)
    // Only a success that retention does not keep goes away in the moment of its end.
    const record = found ?? (known && { ...known, state: 'succeeded', worker: undefined, finishedAt: now })
    if (record === undefined) return
    this.#records.set(id, record)
    if (record.state === 'waiting' || record.state === 'scheduled') this.#moved.add(id)
    else this.#moved.delete(id)
  }
}

/** Whether that worker holds the claim of the task. */
export function isHeldBy(record: TaskRecord, worker: Incarnation | undefined): boolean {
  return record.state === 'running' && worker !== undefined && record.worker === worker
}

function isDue(record: TaskRecord, now: Instant): boolean {
  return record.state === 'scheduled' && record.dueAt !== undefined && record.dueAt <= now
}

function byTurn(a: TaskRecord, b: TaskRecord): number {
  return b.priority - a.priority || a.addedAt - b.addedAt || (a.id < b.id ? -1 : 1)
}
