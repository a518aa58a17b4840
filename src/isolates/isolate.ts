import type { Isolation } from '../model/definition.ts'
import type { AfterwordError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { StoredValue } from '../model/task.ts'
import type { Clock } from '../ports/clock.ts'
import type { IsolatedEnd } from '../ports/executor.ts'
import { arrivedError } from './crossing-error.ts'
import { arrivedFields } from './crossing-fields.ts'
import type { Question } from './crossing-keeping.ts'
import type { FromIsolate, ToIsolate } from './messages.ts'

const LEFTOVER = 'an idle task isolate ended: something that a task had left behind ended it'

const PROVED: IsolatedEnd = { kind: 'returned', result: undefined, unstorable: undefined, adds: [] }

/** What an isolate is made for, and who hears of it. */
export interface IsolateParts {
  readonly clock: Clock
  readonly logger: Logger
  /** The limit of its heap, in megabytes; undefined is that of Node. */
  readonly memoryMb: number | undefined
  /** It is no more, whatever ended it. */
  gone(isolate: Isolate): void
}

/** What an isolate is busy with: exactly one thing, so that one that is stuck or dies names it. */
export interface Errand {
  begun(): void
  progress(value: StoredValue): void
  asked(question: Question): void
  closing(): void
  /** It ended by itself; the isolate is free. */
  ended(end: IsolatedEnd): void
  /** It ended by itself with an error; the isolate is free. */
  failed(error: Error): void
  /** Its module is of no use there, and will not be: so is the isolate. */
  refused(error: Error): void
  /** Its isolate is no more. */
  died(death: Death): void
}

/** How an isolate ended. */
export interface Death {
  /** False: there never was one, so that nothing that ran there is to blame. */
  readonly hasLived: boolean
  /** What ended it, to complete a sentence. */
  readonly reason: string
  /** What was thrown, or what it said last. */
  readonly cause: Error | undefined
  /** What it means for the attempt that ran there. */
  error(name: string, ranMs: number): AfterwordError
}

/**
 * A worker thread or a child process that runs tasks, seen from this process. Busy, it keeps the process alive; idle, it does
 * not. What the two have in common is here; how one is started, told and ended, and what its end means, they say themselves.
 */
export abstract class Isolate {
  abstract readonly kind: Isolation['kind']
  readonly memoryMb: number | undefined
  protected readonly parts: IsolateParts
  readonly #exited = Promise.withResolvers<void>()
  #errand: Errand | undefined
  #isTerminated = false
  #isDead = false

  constructor(parts: IsolateParts) {
    this.parts = parts
    this.memoryMb = parts.memoryMb
  }

  /** It was told to end, or has: it counts no more. */
  get isEnding(): boolean {
    return this.#isTerminated || this.#isDead
  }

  /** Gives it something to do; only when it has nothing. */
  begin(errand: Errand, message: ToIsolate): void {
    this.#errand = errand
    this.keepAlive(true)
    this.tell(message)
  }

  abstract tell(message: ToIsolate): void

  /** Ends it; what it was busy with has no end that anybody would wait for. Resolves when it is gone. */
  async terminate(): Promise<void> {
    this.#errand = undefined
    this.#isTerminated = true
    this.kill()
    await this.#exited.promise
  }

  /** Whether it keeps the process alive. */
  protected abstract keepAlive(isBusy: boolean): void

  /** Ends it, whatever it is doing. */
  protected abstract kill(): void

  protected heard(message: FromIsolate): void {
    if (message.kind === 'log') return this.#log(message)
    const errand = this.#errand
    if (errand === undefined) return
    if (message.kind === 'begun') return errand.begun()
    if (message.kind === 'progress') return errand.progress(message.value)
    if (message.kind === 'kept' || message.kind === 'keep') return errand.asked(message)
    if (message.kind === 'closing') return errand.closing()
    this.#errand = undefined
    this.keepAlive(false)
    if (message.kind === 'threw') return errand.failed(arrivedError(message.error))
    if (message.kind === 'refused') return errand.refused(arrivedError(message.error))
    if (message.kind === 'proved') return errand.ended(PROVED)
    if (message.kind === 'unsettled') return errand.ended({ ...message, error: arrivedError(message.error) })
    errand.ended({ ...message, unstorable: message.unstorable && arrivedError(message.unstorable) })
  }

  /** It is dead, and what it had said may still come. */
  protected dead(): void {
    this.#isDead = true
  }

  /** To be called once, when it is gone and all that it had said was heard. */
  protected ended(death: Death): void {
    const errand = this.#errand
    this.#errand = undefined
    this.parts.gone(this)
    this.#exited.resolve()
    if (errand !== undefined) return errand.died(death)
    if (this.#isTerminated) return
    const { cause, reason } = death
    this.#log({ kind: 'log', level: 'error', fields: { err: cause, reason }, message: LEFTOVER })
  }

  #log({ level, fields, message }: FromIsolate & { kind: 'log' }): void {
    try {
      this.parts.logger[level](arrivedFields(fields), message)
    } catch {
      // Logging must never break the work.
    }
  }
}
