import { Worker } from 'node:worker_threads'
import { asError } from '../model/as-error.ts'
import { AfterwordError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { StoredValue } from '../model/task.ts'
import type { IsolatedReturn } from '../ports/executor.ts'
import { arrivedError, firstLine } from './crossing-error.ts'
import { arrivedFields } from './crossing-fields.ts'
import type { Address, FromThread, ToThread } from './messages.ts'

/** The sources run as they are, and built: the entry lies beside this file either way. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './thread-entry.ts' : './thread-entry.js', import.meta.url)

const LEFTOVER = 'an idle task thread crashed: something that a task had left behind threw'

/** What a thread is made for, and who hears of it. */
export interface ThreadParts {
  /** The limit of its heap, in megabytes; undefined is that of Node. */
  readonly memoryMb: number | undefined
  readonly logger: Logger
  /** It is no more, whatever ended it. */
  gone(thread: TaskThread): void
}

/** What a thread is busy with: exactly one thing, so that a thread that is stuck or dies names it. */
export interface Errand {
  readonly address: Address
  /** Only the import of its module: no task is there to be blamed. */
  readonly isProof: boolean
  readonly beganMs: number
  begun(): void
  progress(value: StoredValue): void
  /** It ended by itself; the thread is free. */
  returned(value: IsolatedReturn): void
  /** Its error, or what became of its thread. */
  failed(error: Error): void
}

/** One thread, seen from the process. Busy, it keeps the process alive; idle, it does not. */
export class TaskThread {
  readonly #worker: Worker
  readonly #parts: ThreadParts
  readonly #memoryMb: number
  readonly #monotonicMs: () => number
  readonly #exited = Promise.withResolvers<void>()
  #errand: Errand | undefined
  #crash: (Error & { readonly code?: unknown }) | undefined

  constructor(parts: ThreadParts, monotonicMs: () => number) {
    this.#parts = parts
    this.#monotonicMs = monotonicMs
    const { memoryMb } = parts
    this.#worker = new Worker(ENTRY, {
      name: 'afterword-task',
      ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
    })
    this.#memoryMb = this.#worker.resourceLimits?.maxOldGenerationSizeMb ?? 0
    this.#worker.on('message', (message: FromThread) => this.#heard(message))
    this.#worker.on('error', (error: unknown) => (this.#crash = asError(error)))
    this.#worker.on('exit', (exitCode) => this.#ended(exitCode))
  }

  /** Gives it something to do; only when it has nothing. */
  begin(errand: Errand, message: ToThread): void {
    this.#errand = errand
    this.#worker.ref()
    this.tell(message)
  }

  tell(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- The port of a thread has no origin.
    this.#worker.postMessage(message)
  }

  /** Ends it; what it was busy with has no end that anybody would wait for. Resolves when it is gone. */
  async terminate(): Promise<void> {
    this.#errand = undefined
    void this.#worker.terminate()
    await this.#exited.promise
  }

  #heard(message: FromThread): void {
    if (message.kind === 'log') return this.#log(message)
    const errand = this.#errand
    if (errand === undefined) return
    if (message.kind === 'begun') return errand.begun()
    if (message.kind === 'progress') return errand.progress(message.value)
    this.#errand = undefined
    this.#worker.unref()
    if (message.kind === 'threw') return errand.failed(arrivedError(message.error))
    if (message.kind === 'proved') return errand.returned({ result: undefined, unstorable: undefined })
    const { result, unstorable } = message
    errand.returned({ result, unstorable: unstorable && arrivedError(unstorable) })
  }

  #log({ level, fields, message }: FromThread & { kind: 'log' }): void {
    try {
      this.#parts.logger[level](arrivedFields(fields), message)
    } catch {
      // Logging must never break the work.
    }
  }

  #ended(exitCode: number): void {
    const errand = this.#errand
    this.#errand = undefined
    this.#parts.gone(this)
    this.#exited.resolve()
    if (errand !== undefined) return errand.failed(this.#obituary(errand, exitCode))
    const fields = { err: this.#crash }
    if (this.#crash !== undefined) this.#log({ kind: 'log', level: 'error', fields, message: LEFTOVER })
  }

  #obituary({ address: { name, url }, isProof, beganMs }: Errand, exitCode: number): AfterwordError {
    const ranMs = Math.round(this.#monotonicMs() - beganMs)
    const cause = this.#crash
    if (isProof) {
      const reason = cause === undefined ? `it ended the thread with exit code ${exitCode}` : firstLine(cause)
      return new AfterwordError('THREAD_MODULE_FAILED', { name, module: url, reason }, { cause })
    }
    if (cause === undefined) return new AfterwordError('THREAD_EXITED', { name, exitCode, ranMs })
    if (cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return new AfterwordError('THREAD_OUT_OF_MEMORY', { name, memoryMb: this.#memoryMb, ranMs }, { cause })
    }
    return new AfterwordError('THREAD_CRASHED', { name, exitCode, ranMs, reason: firstLine(cause) }, { cause })
  }
}
