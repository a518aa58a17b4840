import type { AbortReason, AnyTaskDefinition } from '../model/definition.ts'
import type { ClaimedTask, StoredValue } from '../model/task.ts'
import type { Executor, IsolatedListener, IsolatedReturn, IsolatedRun } from '../ports/executor.ts'
import { Attempt, type AttemptHost, type Ending } from './attempt.ts'
import { decodeValue } from './codec.ts'
import type { Lane } from './lane.ts'

/** An attempt whose `run` is called in an isolate. When it is abandoned, its isolate ends with it. */
export class IsolatedAttempt extends Attempt implements IsolatedListener {
  readonly #executor: Executor
  #run: IsolatedRun | undefined

  constructor(task: ClaimedTask, definition: AnyTaskDefinition, lane: Lane, host: AttemptHost, executor: Executor) {
    super(task, definition, lane, host)
    this.#executor = executor
  }

  override get isIsolated(): boolean {
    return true
  }

  override abort(kind: AbortReason['kind']): void {
    super.abort(kind)
    if (!this.isOver && this.reason === kind) this.#run?.abort(kind)
  }

  override abandon(ending?: Ending): void {
    if (this.isOver) return
    // First: what it would still do counts for nothing, and its place is given to others.
    this.#run?.terminate()
    super.abandon(ending)
  }

  /** Its time is counted from here: neither the start of an isolate nor the import of a module is the task's. */
  begun(): void {
    this.limit()
  }

  /** Decoded for the listeners of `attempt:progress`. */
  override progress(stored: StoredValue): void {
    super.progress(decodeValue(stored))
  }

  protected override call(): unknown {
    const { task, definition } = this
    this.#run = this.#executor.run({ task, definition, resultBytesMax: this.resultBytesMax }, this)
    return this.#run.ended
  }

  /** It was encoded over there. */
  protected override encode(returned: IsolatedReturn): StoredValue | undefined {
    if (returned.unstorable !== undefined) throw returned.unstorable
    return returned.result
  }
}
