import type { AnyTaskDefinition, Isolation } from '../model/definition.ts'
import { AfterwordError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Executor, IsolatedCall, IsolatedEnd, IsolatedListener, IsolatedRun } from '../ports/executor.ts'
import { answered } from './crossing-keeping.ts'
import type { Death, Errand, Isolate } from './isolate.ts'
import type { Address, ProveMessage, RunMessage } from './messages.ts'
import { TaskProcess } from './task-process.ts'
import { TaskThread } from './task-thread.ts'

/** How long an isolate without work is kept: long enough that a steady trickle starts none, in milliseconds. */
const IDLE_MS = 30_000

/** How long an isolate may take to start and to import a module, in milliseconds: some two hundred times what both take. */
const IMPORT_MS_MAX = 30_000

/** What a pool is made of. */
export interface PoolParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly size: number
  /** The limit of each isolate's heap where its definition does not say, in megabytes; undefined is that of Node. */
  readonly memoryMb: number | undefined
}

/**
 * The isolates of one background. They start when they are needed, run one attempt at a time, and end when they had nothing
 * to do for a while, or when one of another kind or limit needs their place. One that is terminated counts no more from that moment
 * on: another one may start in its place.
 */
export class IsolatePool implements Executor {
  readonly size: number
  readonly #parts: PoolParts
  readonly #all = new Set<Isolate>()
  /** Those without work, the one that was busy last at the end, with the timers that will end them. */
  readonly #idle = new Map<Isolate, Timer>()

  constructor(parts: PoolParts) {
    this.size = parts.size
    this.#parts = parts
  }

  /** Isolates that are there, ending ones included. */
  get isolates(): number {
    return this.#all.size
  }

  async prove(definitions: readonly AnyTaskDefinition[]): Promise<void> {
    // One after another, those that may share an isolate in the same one: it knows them all then, and runs the first attempt.
    const alike = Map.groupBy(definitions, ({ isolation }) => `${isolation?.kind} ${isolation?.memoryMb}`)
    for (const definition of [...alike.values()].flat()) {
      await this.#send(definition, { kind: 'prove', address: addressOf(definition) }, NOBODY).ended
    }
  }

  run({ definition, task, ...rules }: IsolatedCall, listener: IsolatedListener): IsolatedRun {
    const { format, text } = task.input
    const message = { task: { ...task, input: { format, text } }, address: addressOf(definition), ...rules }
    return this.#send(definition, { kind: 'run', ...message }, listener)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((isolate) => this.#terminate(isolate)))
  }

  #send(definition: AnyTaskDefinition, message: RunMessage | ProveMessage, listener: IsolatedListener): IsolatedRun {
    const { promise: ended, resolve, reject } = Promise.withResolvers<IsolatedEnd>()
    const isolate = this.#take(message.address.kind, definition.isolation?.memoryMb ?? this.#parts.memoryMb)
    const begunMs = this.#parts.clock.monotonicMs()
    const patience = this.#parts.clock.after(IMPORT_MS_MAX, () => this.#parts.clock.soon(late))
    let [hasBegun, isOver] = [false, false]
    let gone = Promise.resolve()
    const over = (settle: () => void, isFree: boolean): void => {
      isOver = true
      patience.cancel()
      if (isFree) this.#rest(isolate)
      else gone = this.#terminate(isolate)
      settle()
    }
    // On a later turn than the timer: where this loop was stuck, what it has not heard yet may say otherwise.
    const late = (): void => {
      if (!hasBegun && !isOver) over(() => reject(neverLoaded(message)), false)
    }
    const errand: Errand = {
      begun: () => {
        hasBegun = true
        patience.cancel()
        listener.begun()
      },
      progress: (value) => listener.progress(value),
      asked: (question) => {
        const { keeping } = listener
        if (keeping !== undefined) void answered(question, keeping).then((answer) => isolate.tell(answer))
      },
      closing: () => listener.closing(),
      ended: (end) => over(() => resolve(end), true),
      failed: (error) => over(() => reject(error), true),
      // A module that could not be imported stays so in that isolate: the next attempt gets another one.
      refused: (error) => over(() => reject(error), false),
      died: (death) => {
        const ranMs = Math.round(this.#parts.clock.monotonicMs() - begunMs)
        const isProof = message.kind === 'prove' && death.hasLived
        over(() => reject(isProof ? unproven(message, death) : death.error(message.address.name, ranMs)), false)
      },
    }
    isolate.begin(errand, message)
    return {
      ended,
      abort: (reason) => isOver || isolate.tell({ kind: 'abort', reason }),
      terminate() {
        if (!isOver) over(() => undefined, false)
        return gone
      },
    }
  }

  /** The one that was busy last, so that those which are not needed may end; or a new one. */
  #take(kind: Isolation['kind'], memoryMb: number | undefined): Isolate {
    const idle = [...this.#idle.keys()].filter(({ isEnding }) => !isEnding)
    const last = idle.findLast((isolate) => isolate.kind === kind && isolate.memoryMb === memoryMb)
    if (last !== undefined) {
      this.#wake(last)
      return last
    }
    const [longest] = idle
    if (longest !== undefined && this.#counted >= this.size) void this.#terminate(longest)
    const { clock, logger } = this.#parts
    const parts = { clock, logger, memoryMb, gone: (isolate: Isolate): void => this.#forget(isolate) }
    const isolate = kind === 'thread' ? new TaskThread(parts) : new TaskProcess(parts)
    this.#all.add(isolate)
    return isolate
  }

  get #counted(): number {
    return [...this.#all].filter(({ isEnding }) => !isEnding).length
  }

  #rest(isolate: Isolate): void {
    // Its last message may come after its end.
    if (isolate.isEnding) return
    const timer = this.#parts.clock.after(IDLE_MS, () => void this.#terminate(isolate))
    this.#idle.set(isolate, timer)
  }

  #wake(isolate: Isolate): void {
    this.#idle.get(isolate)?.cancel()
    this.#idle.delete(isolate)
  }

  async #terminate(isolate: Isolate): Promise<void> {
    this.#wake(isolate)
    await isolate.terminate()
  }

  #forget(isolate: Isolate): void {
    this.#wake(isolate)
    this.#all.delete(isolate)
  }
}

const NOBODY: IsolatedListener = { begun() {}, progress() {}, closing() {} }

/** Throws TASK_MODULE_UNKNOWN. */
function addressOf({ name, isolation }: AnyTaskDefinition): Address {
  const { kind = 'thread', url, isGiven = false } = isolation ?? {}
  if (url === undefined) throw new AfterwordError('TASK_MODULE_UNKNOWN', { name, isolate: kind })
  return { name, kind, url, isGiven }
}

/** Nobody can tell whether the module would be ready some day. */
function neverLoaded({ address: { name, kind, url } }: ProveMessage | RunMessage): AfterwordError {
  return new AfterwordError('TASK_MODULE_TIMEOUT', { name, isolate: kind, module: url, waitedMs: IMPORT_MS_MAX })
}

/** An isolate that ended while it imported a module: no attempt is there to be blamed. */
function unproven({ address: { name, kind, url } }: ProveMessage, { reason, cause }: Death): AfterwordError {
  return new AfterwordError('TASK_MODULE_FAILED', { name, isolate: kind, module: url, reason }, { cause })
}
