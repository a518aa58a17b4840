import { statSync } from 'node:fs'
import { AttemptContext, type ContextHost } from '../engine/attempt-context.ts'
import { encodeValue } from '../engine/codec.ts'
import { parseStoredInput } from '../engine/input-schema.ts'
import type { AddOptions } from '../model/add-options.ts'
import type { AbortReason, AnyTaskDefinition } from '../model/definition.ts'
import type { Logger } from '../model/logger.ts'
import type { SessionProviders, Sessions } from '../model/session.ts'
import type { TaskHandle } from '../model/task-handle.ts'
import type { StoredValue, Success } from '../model/task.ts'
import type { AttemptSessions, SessionEnd } from '../ports/sessions.ts'
import type { HeldSession } from '../sessions/held-session.ts'
import { AddingThere } from './adding-there.ts'
import { type CrossingError, crossingError } from './crossing-error.ts'
import { DistantKeeping } from './crossing-keeping.ts'
import type { FromIsolate, RunMessage } from './messages.ts'

/** What an attempt needs of its isolate. */
export interface ThereParts {
  readonly logger: Logger
  tell(message: FromIsolate): void
  /** Called once at most, when `run` first asks for one. */
  sessions(): AttemptSessions
}

/**
 * One attempt, in the isolate that makes it. As on the event loop its sessions end before it does: the main process learns of its end
 * when what it wrote is committed, or taken back.
 */
export class AttemptThere implements ContextHost {
  readonly context: AttemptContext
  readonly keeping: DistantKeeping
  readonly #call: RunMessage
  readonly #parts: ThereParts
  readonly #adding: AddingThere
  #sessions: AttemptSessions | undefined
  /** The session that holds the lock of the store's file, by name: the process cannot keep anything meanwhile. */
  #holding: string | undefined
  #reason: AbortReason['kind'] | undefined
  #isOver = false

  constructor(call: RunMessage, parts: ThereParts) {
    this.#call = call
    this.#parts = parts
    this.#adding = new AddingThere(call.task, call.adding)
    this.keeping = new DistantKeeping(
      call.task,
      call.resultBytesMax,
      (question) => parts.tell(question),
      () => this.#holding,
    )
    this.context = new AttemptContext(call.task, this)
  }

  get logger(): Logger {
    return this.#parts.logger
  }

  get session(): Sessions<SessionProviders> {
    if (this.#sessions === undefined) {
      this.#sessions = this.#parts.sessions()
      // What it left running has come too late: nobody would close what is opened.
      if (this.#isOver) void this.#sessions.abandon()
    }
    return this.#sessions.handles
  }

  add(definition: AnyTaskDefinition, input: unknown, options: AddOptions | undefined): TaskHandle {
    return this.#adding.add(definition, input, options)
  }

  progress(value: unknown): void {
    const stored = this.#encoded(value)
    // What an attempt left behind must not speak for the next one.
    if (!this.#isOver) this.#parts.tell({ kind: 'progress', value: stored })
  }

  /** A transaction was opened. */
  opened({ name, provider }: Pick<HeldSession, 'name' | 'provider'>): void {
    const { storeFile } = this.#call
    if (provider.file !== undefined && storeFile !== undefined && isSameFile(provider.file, storeFile)) {
      this.#holding = name
    }
  }

  abort(kind: AbortReason['kind']): void {
    this.#reason ??= kind
    this.context.abort(kind)
  }

  /** Calls `run`, ends the sessions, and says how the attempt has ended. Never rejects. */
  async run(definition: AnyTaskDefinition): Promise<FromIsolate> {
    try {
      this.context.signal.throwIfAborted()
      this.#parts.tell({ kind: 'begun' })
      const value: unknown = await definition.run(parseStoredInput(definition, this.#call.task), this.context)
      // Another worker has the task: nothing of this attempt may stay.
      if (this.#reason === 'claim-lost') this.context.signal.throwIfAborted()
      return await this.#succeeded(value)
    } catch (error) {
      return this.#failed(error)
    }
  }

  async #succeeded(value: unknown): Promise<FromIsolate> {
    const [result, unstorable] = this.#result(value)
    const adds = this.#adding.end()
    const own = { kind: 'returned', result, unstorable, adds } as const
    const sessions = this.#over()
    if (sessions === undefined) return own
    const { id, claims } = this.#call.task
    const error = unstorable?.stored
    const outcome = { id, claims, move: 'succeed', result, error, forget: false, adds } as const
    const end = await sessions.succeed(outcome)
    return end.kind === 'committed' && end.outcome === outcome ? own : afterEnd(end)
  }

  async #failed(error: unknown): Promise<FromIsolate> {
    this.#adding.end()
    const earlier = await this.#over()?.fail()
    return earlier === undefined ? { kind: 'threw', error: crossingError(error) } : returnedEarlier(earlier)
  }

  /** `run` is over: gives the sessions that are to be ended, if it had any. */
  #over(): AttemptSessions | undefined {
    this.#isOver = true
    this.keeping.end()
    if (this.#sessions !== undefined) this.#parts.tell({ kind: 'closing' })
    return this.#sessions
  }

  /** The result as it will be stored, or why that cannot be. */
  #result(value: unknown): readonly [StoredValue | undefined, CrossingError | undefined] {
    try {
      return [value === undefined ? undefined : this.#encoded(value), undefined]
    } catch (error) {
      return [undefined, crossingError(error)]
    }
  }

  #encoded(value: unknown): StoredValue {
    const { task, resultBytesMax: bytesMax } = this.#call
    return encodeValue(value, { what: 'result', name: task.name, bytesMax })
  }
}

function afterEnd(end: SessionEnd): FromIsolate {
  switch (end.kind) {
    case 'committed':
      return returnedEarlier(end.outcome)
    case 'failed':
      return { kind: end.free ? 'unsettled' : 'threw', error: crossingError(end.error) }
    default:
      throw new Error(`The sessions of an isolate were ${end.kind} in a store, and no store is there.`)
  }
}

/** What an earlier attempt came to, which had committed its session. */
function returnedEarlier({ result, error, adds = [] }: Success): FromIsolate {
  return { kind: 'returned', result, unstorable: error && { stored: error }, adds }
}

/** By what they are: a hard link, or another spelling, is another name of one file. */
function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
}
