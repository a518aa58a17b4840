import { Worker } from 'node:worker_threads'
import { asError } from '../model/as-error.ts'
import { AfterwordError } from '../model/errors.ts'
import { firstLine } from './crossing-error.ts'
import { type Death, Isolate, type IsolateParts } from './isolate.ts'
import type { FromIsolate, ToIsolate } from './messages.ts'

/** The sources run as they are, and built: the entry lies beside this file either way. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './thread-entry.ts' : './thread-entry.js', import.meta.url)

/** A worker thread that runs tasks. */
export class TaskThread extends Isolate {
  readonly kind = 'thread'
  readonly #worker: Worker
  readonly #memoryMb: number
  #crash: (Error & { readonly code?: unknown }) | undefined

  constructor(parts: IsolateParts) {
    super(parts)
    const { memoryMb } = parts
    this.#worker = new Worker(ENTRY, {
      name: 'afterword-task',
      ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
    })
    this.#memoryMb = this.#worker.resourceLimits?.maxOldGenerationSizeMb ?? 0
    this.#worker.on('message', (message: FromIsolate) => this.heard(message))
    this.#worker.on('error', (error: unknown) => (this.#crash = asError(error)))
    this.#worker.on('exit', (exitCode) => this.ended(this.#death(exitCode)))
  }

  tell(message: ToIsolate): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- The port of a thread has no origin.
    this.#worker.postMessage(message)
  }

  protected keepAlive(isBusy: boolean): void {
    if (isBusy) this.#worker.ref()
    else this.#worker.unref()
  }

  protected kill(): void {
    void this.#worker.terminate()
  }

  #death(exitCode: number): Death {
    const cause = this.#crash
    if (cause === undefined) {
      return {
        hasLived: true,
        reason: `it ended the thread with exit code ${exitCode}`,
        cause,
        error: (name, ranMs) => new AfterwordError('THREAD_EXITED', { name, exitCode, ranMs }),
      }
    }
    const reason = firstLine(cause)
    const memoryMb = this.#memoryMb
    return {
      hasLived: true,
      reason,
      cause,
      error: (name, ranMs) =>
        cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new AfterwordError('THREAD_OUT_OF_MEMORY', { name, memoryMb, ranMs }, { cause })
          : new AfterwordError('THREAD_CRASHED', { name, exitCode, ranMs, reason }, { cause }),
    }
  }
}
