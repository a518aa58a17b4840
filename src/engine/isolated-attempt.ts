import type { AbortReason, AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import type { ClaimedTask, NewTask, StoredValue } from '../model/task.ts'
import type {
  AddingRules,
  Executor,
  IsolatedEnd,
  IsolatedListener,
  IsolatedReturn,
  IsolatedRun,
} from '../ports/executor.ts'
import type { Addition } from './addition.ts'
import { Attempt, type AttemptHost, type Ending } from './attempt.ts'
import { decodeValue } from './codec.ts'
import type { Lane } from './lane.ts'

/**
 * How long the sessions of an attempt may take to end over there, in milliseconds: its own bounds are shorter, and this one is for
 * an isolate that is stuck.
 */
const CLOSE_MS_MAX = 60_000

/** What an attempt in an isolate needs besides. */
export interface IsolatedAttemptHost extends AttemptHost {
  /** The file of the store, when it is one of SQLite. */
  readonly storeFile: string | undefined
  /** By what an isolate checks what the attempt adds. */
  adding(): AddingRules
  /** Takes a task that was checked where it was added. */
  adopted(task: NewTask): Addition
  /** It has used sessions of its definition. */
  usedSessions(definition: AnyTaskDefinition): void
}

/** An attempt whose `run` is called in an isolate. When it is abandoned, its isolate ends with it. */
export class IsolatedAttempt extends Attempt implements IsolatedListener {
  readonly #executor: Executor
  readonly #host: IsolatedAttemptHost
  #run: IsolatedRun | undefined

  constructor(
    task: ClaimedTask,
    definition: AnyTaskDefinition,
    lane: Lane,
    host: IsolatedAttemptHost,
    executor: Executor,
  ) {
    super(task, definition, lane, host)
    this.#host = host
    this.#executor = executor
  }

  override get isIsolated(): boolean {
    return true
  }

  override abort(kind: AbortReason['kind']): void {
    super.abort(kind)
    if (!this.isOver && this.reason === kind) this.#run?.abort(kind)
  }

  /** Ends its isolate: what it would still do counts for nothing, and what it held is free. */
  override async letGo(): Promise<void> {
    if (!this.isOver) await this.#run?.terminate()
  }

  /** Its time is counted from here: neither the start of an isolate nor the import of a module is the task's. */
  begun(): void {
    this.limit()
  }

  closing(): void {
    const { definition, task } = this
    this.closeWithin(CLOSE_MS_MAX, () =>
      this.unsettled(
        new AfterwordError('SESSION_COMMIT_UNKNOWN', {
          session: Object.keys(definition.sessions ?? {}).join(', '),
          owner: `task "${task.name}" (${task.id})`,
          reason: `its ${definition.isolation?.kind ?? 'isolate'} has not answered for ${CLOSE_MS_MAX} ms`,
        }),
      ),
    )
    this.#host.usedSessions(definition)
  }

  /** Decoded for the listeners of `attempt:progress`. */
  override progress(stored: StoredValue): void {
    super.progress(decodeValue(stored))
  }

  protected override call(): unknown {
    const { task, definition, resultBytesMax } = this
    const { storeFile } = this.#host
    const adding = this.#host.adding()
    this.#run = this.#executor.run({ task, definition, resultBytesMax, adding, storeFile }, this)
    return this.#run.ended
  }

  protected override afterReturn(end: IsolatedEnd): Ending {
    if (end.kind === 'unsettled') return this.unsettled(end.error)
    this.adopt(end.adds.map((task) => this.#host.adopted(task)))
    return super.afterReturn(end)
  }

  /** It was encoded over there. */
  protected override encode(returned: IsolatedReturn): StoredValue | undefined {
    if (returned.unstorable !== undefined) throw returned.unstorable
    return returned.result
  }
}
