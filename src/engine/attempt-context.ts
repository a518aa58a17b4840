import type { AddArguments, ResultOf } from '../model/add-arguments.ts'
import type { AddOptions } from '../model/add-options.ts'
import type { AbortReason, AnyTaskDefinition, TaskContext } from '../model/definition.ts'
import type { Logger } from '../model/logger.ts'
import type { SessionProviders, Sessions, SessionsOf } from '../model/session.ts'
import type { TaskHandle } from '../model/task-handle.ts'
import { attemptNumber, type ClaimedTask } from '../model/task.ts'
import type { Keeping } from '../ports/keeping.ts'
import { AttemptAborted } from './abort-reason.ts'
import { decodeValue } from './codec.ts'
import { Once } from './once.ts'

/** What a context needs of the engine. */
export interface ContextHost {
  readonly logger: Logger
  /** What the attempt keeps for later ones. */
  readonly keeping: Keeping
  /** The attempt's own; made when it is first asked for. */
  readonly session: Sessions<SessionProviders>
  progress(value: unknown): void
  /** Checks it, and keeps it until the attempt has ended. */
  add(definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined): TaskHandle
}

/**
 * What `run` sees. Signal, logger and carried data are made on first use: most attempts never look at them.
 */
export class AttemptContext implements TaskContext {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly crashes: number
  readonly requestId: string | undefined
  readonly #task: ClaimedTask
  readonly #host: ContextHost
  #once: Once | undefined
  #controller: AbortController | undefined
  #aborted: AttemptAborted | undefined
  #log: Logger | undefined
  #carried: Readonly<Record<string, unknown>> | undefined

  constructor(task: ClaimedTask, host: ContextHost) {
    this.id = task.id
    this.name = task.name
    this.attempt = attemptNumber(task)
    this.crashes = task.crashes
    this.requestId = task.requestId
    this.#task = task
    this.#host = host
  }

  get addedAt(): Date {
    return new Date(this.#task.addedAt)
  }

  get idempotencyKey(): string {
    return this.id
  }

  get carried(): Readonly<Record<string, unknown>> {
    const { carried } = this.#task
    this.#carried ??= carried === undefined ? {} : (decodeValue(carried) as Record<string, unknown>)
    return this.#carried
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
    }
    return this.#controller.signal
  }

  get log(): Logger {
    this.#log ??= boundLogger(this.#host.logger, {
      task: this.name,
      taskId: this.id,
      attempt: this.attempt,
      ...(this.requestId === undefined ? {} : { requestId: this.requestId }),
    })
    return this.#log
  }

  /** A function of its own, so that `run` may take the context apart. */
  get progress(): (value: unknown) => void {
    return (value) => this.#host.progress(value)
  }

  get once(): <T>(name: string, compute: () => T | Promise<T>) => Promise<T> {
    this.#once ??= new Once(this.name, this.#host.keeping)
    const once = this.#once
    return <T>(name: string, compute: () => T | Promise<T>) => once.value(name, compute) as Promise<T>
  }

  /** As the interface says it, also where a program has registered its sessions. */
  get session(): SessionsOf<SessionProviders> {
    return this.#host.session
  }

  get add(): <D extends AnyTaskDefinition>(definition: D, ...rest: AddArguments<D>) => TaskHandle<ResultOf<D>> {
    type Handle = TaskHandle<never>
    return (definition, ...[input, options]) => this.#host.add(definition, input, options) as Handle
  }

  /** Aborts the signal; the first reason stays. */
  abort(kind: AbortReason['kind']): void {
    if (this.#aborted !== undefined) return
    this.#aborted = new AttemptAborted(kind)
    this.#controller?.abort(this.#aborted)
  }
}

function boundLogger(logger: Logger, bound: object): Logger {
  return {
    debug: (fields, message) => logger.debug({ ...bound, ...fields }, message),
    info: (fields, message) => logger.info({ ...bound, ...fields }, message),
    warn: (fields, message) => logger.warn({ ...bound, ...fields }, message),
    error: (fields, message) => logger.error({ ...bound, ...fields }, message),
  }
}
