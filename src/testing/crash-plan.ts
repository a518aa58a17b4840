import type { AnyTaskDefinition } from '../model/definition.ts'
import type { ClaimedTask, TaskId } from '../model/task.ts'
import type { WriteBatch, Written } from '../ports/store.ts'

/**
 * Where a process can die, seen from one task:
 *
 * - `before-commit`: its add is about to be stored. Nothing is kept, and whoever added it never hears of it.
 * - `after-commit`: its add is stored, and whoever added it never hears of it. The task is kept.
 * - `before-run`: it is claimed, its beginning is written down where that comes first (it has crashed before), and it has not begun.
 * - `after-run`: its function has ended, and how it ended is about to be stored.
 */
export type CrashPoint = 'before-commit' | 'after-commit' | 'before-run' | 'after-run'

/** What {@link Lab.crash} takes. Nothing at all: the process dies where it stands. */
export interface CrashOptions {
  /** Where it dies. */
  readonly at?: CrashPoint | undefined
  /** The task that has to be there. By default the first one that comes. */
  readonly task?: AnyTaskDefinition | undefined
  /**
   * What leads to it, a request for example; its promise need not settle, for a process that died answers nobody. By
   * default the tasks that are due run, one after another, up to the point.
   */
  readonly during?: (() => unknown) | undefined
}

/** A crash that has still to come: it looks at what passes between the engine and the store, and says when. */
export class CrashPlan {
  readonly point: CrashPoint
  readonly name: string | undefined

  constructor(point: CrashPoint, name: string | undefined) {
    this.point = point
    this.name = name
  }

  /** Whether the process dies instead of having this written. */
  comesBefore(batch: WriteBatch, nameOf: (id: TaskId) => string | undefined): boolean {
    if (this.point === 'before-commit') return batch.adds.some(({ name }) => this.isAbout(name))
    return this.point === 'after-run' && batch.outcomes.some(({ id }) => this.isAbout(nameOf(id)))
  }

  /** Whether the process dies before it hears that this was written. */
  comesAfter(batch: WriteBatch, { claimed, released }: Written, nameOf: (id: TaskId) => string | undefined): boolean {
    if (this.point === 'after-commit') return batch.adds.some(({ name }) => this.isAbout(name))
    if (this.point !== 'before-run') return false
    const begins = [...released, ...(claimed?.tasks ?? [])].filter((task) => !isWrittenFirst(task))
    return (
      begins.some(({ name }) => this.isAbout(name)) || (batch.begun ?? []).some(({ id }) => this.isAbout(nameOf(id)))
    )
  }

  /** Whether it waits for a task of that name. */
  isAbout(name: string | undefined): boolean {
    return name !== undefined && (this.name === undefined || this.name === name)
  }

  toString(): string {
    return this.name === undefined ? this.point : `${this.point} of "${this.name}"`
  }
}

/** Whether its beginning is written down before it begins. */
function isWrittenFirst({ early, suspect, crashes }: ClaimedTask): boolean {
  return early && (suspect || crashes > 0)
}
