import type { AnyTaskDefinition } from '../model/definition.ts'
import { AfterwordError, isAfterwordError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Executor, IsolatedCall, IsolatedListener, IsolatedReturn, IsolatedRun } from '../ports/executor.ts'
import type { Address, ProveMessage, RunMessage } from './messages.ts'
import { type Errand, TaskThread } from './task-thread.ts'

/** How long a thread without work is kept: long enough that a steady trickle starts none, in milliseconds. */
const IDLE_MS = 30_000

/** What a pool is made of. */
export interface PoolParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly size: number
  /** The limit of each thread's heap, in megabytes; undefined is that of Node. */
  readonly memoryMb: number | undefined
}

/**
 * The threads of one background. They start when they are needed, run one attempt at a time, and end when they had nothing
 * to do for a while. One that is terminated counts no more from that moment on: another one may start in its place.
 */
export class IsolatePool implements Executor {
  readonly size: number
  readonly #parts: PoolParts
  readonly #all = new Set<TaskThread>()
  /** Those without work, the one that was busy last at the end, with the timers that will end them. */
  readonly #idle = new Map<TaskThread, Timer>()

  constructor(parts: PoolParts) {
    this.size = parts.size
    this.#parts = parts
  }

  /** Threads that are there, ending ones included. */
  get threads(): number {
    return this.#all.size
  }

  async prove(definitions: readonly AnyTaskDefinition[]): Promise<void> {
    // One after another, in the same thread: it knows them all then, and runs the first attempt.
    for (const address of definitions.map(addressOf)) await this.#send({ kind: 'prove', address }, NOBODY).ended
  }

  run({ definition, task, resultBytesMax }: IsolatedCall, listener: IsolatedListener): IsolatedRun {
    const { format, text } = task.input
    const message = { task: { ...task, input: { format, text } }, address: addressOf(definition), resultBytesMax }
    return this.#send({ kind: 'run', ...message }, listener)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((thread) => this.#terminate(thread)))
  }

  #send(message: RunMessage | ProveMessage, listener: IsolatedListener): IsolatedRun {
    const { promise: ended, resolve, reject } = Promise.withResolvers<IsolatedReturn>()
    const thread = this.#take()
    let isOver = false
    const errand: Errand = {
      address: message.address,
      isProof: message.kind === 'prove',
      beganMs: this.#parts.clock.monotonicMs(),
      begun: () => listener.begun(),
      progress: (value) => listener.progress(value),
      returned: (value) => {
        isOver = true
        this.#rest(thread)
        resolve(value)
      },
      failed: (error) => {
        isOver = true
        // A module that could not be imported stays so in that thread: the next attempt gets another one.
        if (isAfterwordError(error) && error.code.startsWith('THREAD_')) void this.#terminate(thread)
        else this.#rest(thread)
        reject(error)
      },
    }
    thread.begin(errand, message)
    return {
      ended,
      abort: (reason) => isOver || thread.tell({ kind: 'abort', reason }),
      terminate: () => isOver || void this.#terminate(thread),
    }
  }

  /** The thread that was busy last, so that those which are not needed may end; or a new one. */
  #take(): TaskThread {
    const last = [...this.#idle].at(-1)
    if (last !== undefined) {
      this.#idle.delete(last[0])
      last[1].cancel()
      return last[0]
    }
    const { clock, logger, memoryMb } = this.#parts
    const gone = (thread: TaskThread): void => this.#forget(thread)
    const thread = new TaskThread({ logger, memoryMb, gone }, () => clock.monotonicMs())
    this.#all.add(thread)
    return thread
  }

  #rest(thread: TaskThread): void {
    const timer = this.#parts.clock.after(IDLE_MS, () => void this.#terminate(thread))
    this.#idle.set(thread, timer)
  }

  async #terminate(thread: TaskThread): Promise<void> {
    this.#idle.get(thread)?.cancel()
    this.#idle.delete(thread)
    await thread.terminate()
  }

  #forget(thread: TaskThread): void {
    this.#all.delete(thread)
    this.#idle.get(thread)?.cancel()
    this.#idle.delete(thread)
  }
}

const NOBODY: IsolatedListener = { begun() {}, progress() {} }

/** Throws THREAD_MODULE_UNKNOWN. */
function addressOf({ name, isolation }: AnyTaskDefinition): Address {
  if (isolation?.url === undefined) throw new AfterwordError('THREAD_MODULE_UNKNOWN', { name })
  return { name, url: isolation.url, isGiven: isolation.isGiven }
}
