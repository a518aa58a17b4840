import { inScope, type Scope } from './http/current.ts'
import type { BackgroundTasks } from './background-tasks.ts'

/** One response under the care of an adapter. Its task list is made when somebody first asks for it. */
export class ResponseScope implements Scope<BackgroundTasks> {
  readonly #make: () => BackgroundTasks
  #tasks: BackgroundTasks | undefined

  constructor(make: () => BackgroundTasks) {
    this.#make = make
  }

  get tasks(): BackgroundTasks {
    return (this.#tasks ??= this.#make())
  }

  /** Runs `callback` so that `currentTasks()` finds this response in it and in all that it awaits. */
  run<R>(callback: () => R): R {
    return inScope(this, callback)
  }

  /** The answer's status is known: see `ResponseTasks.settle`. Nothing when no task list was ever asked for. */
  settle(status: number): Promise<void> | undefined {
    return this.#tasks?.settle(status)
  }

  /** The answer is out, or its connection is gone. */
  close(): void {
    this.#tasks?.close()
  }
}
