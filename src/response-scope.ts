import type { BackgroundTasks } from './background-tasks.ts'
import { enterScope, inScope, type Scope } from './http/current.ts'

/** One response under the care of an adapter. Its task list is made when somebody first asks for it. */
export class ResponseScope implements Scope<BackgroundTasks> {
  readonly #make: () => BackgroundTasks
  #tasks: BackgroundTasks | undefined
  #status: number | undefined
  #closed = false

  constructor(make: () => BackgroundTasks) {
    this.#make = make
  }

  get tasks(): BackgroundTasks {
    return (this.#tasks ??= this.#makeLate())
  }

  /** The same as `run` for all that follows in this turn: for an adapter's first hook, which only calls the next. */
  enter(): void {
    enterScope(this)
  }

  /** Runs `callback` so that `currentTasks()` finds this response in it and in all that it awaits. */
  run<R>(callback: () => R): R {
    return inScope(this, callback)
  }

  /** The answer's status is known: see `ResponseTasks.settle`. Nothing when no task list was ever asked for. */
  settle(status: number): Promise<void> | undefined {
    this.#status ??= status
    return this.#tasks?.settle(status)
  }

  /** The answer is out, or its connection is gone. */
  close(): void {
    this.#closed = true
    this.#tasks?.close()
  }

  /** A list that is first asked for after the head has left learns what happened before it came. */
  #makeLate(): BackgroundTasks {
    const tasks = this.#make()
    if (this.#status !== undefined) void tasks.settle(this.#status)
    if (this.#closed) tasks.close()
    return tasks
  }
}
