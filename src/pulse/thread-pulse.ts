import { Worker } from 'node:worker_threads'
import type { BlockCount } from '../model/block.ts'
import type { Incarnation } from '../model/task.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Pulse, PulseListener } from '../ports/pulse.ts'
import type { StoreAddress } from '../ports/store.ts'
import { Blocks, type BlocksListener, type Running } from './blocks.ts'
import { Cells } from './cells.ts'
import { isDebugged } from './debugged.ts'
import { LoopWatch } from './loop-watch.ts'
import type { FromPulse, PulseOrder } from './messages.ts'

/** The sources run as they are, and built: the entry lies beside this file either way. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './pulse-thread.ts' : './pulse-thread.js', import.meta.url)

/** A short script needs no thread: the lease is fresh when its worker registers, and nothing has blocked yet. In milliseconds. */
const START_MS = 500
/** How long its thread may take to let go of the store, in milliseconds. */
const END_MS = 1_000
/** How often the loop shows that it turns, as a part of the limit, and in milliseconds. */
const TURNS_PER_LIMIT = 4
const TURN_MS_MAX = 50
/** Without a limit the thread looks now and then for the store's sake, in milliseconds. */
const TEND_MS = 25

/** What a pulse is made of. */
export interface PulseParts {
  readonly clock: Clock
  readonly beatMs: number
  /** How long the loop may stand still; 0: it is not watched. */
  readonly limitMs: number
  /** How long until its tasks are given to others. */
  readonly stuckMs: number
  readonly listener: PulseListener
  /** Where the store is to be found once it is open. */
  address(): StoreAddress | undefined
  /** Whether an attempt runs on the loop. */
  isBusy(): boolean
  /** Who is running at this moment. */
  who(): Running
  readonly blocks: BlocksListener
}

/**
 * Answers to the pulse threads of this process, one for each background: a thread can do no more than have an expression
 * evaluated. Several copies of the library share them.
 */
interface Answers {
  readonly by: Map<number, () => unknown>
  last: number
}

const ANSWERS = Symbol.for('afterword.answers.1')
const answers: Answers = ((globalThis as { [ANSWERS]?: Answers })[ANSWERS] ??= { by: new Map(), last: 0 })

/** The pulse of one background, on a thread of its own. See pulse-thread.ts. */
export class ThreadPulse implements Pulse {
  keepsLease = false
  readonly #parts: PulseParts
  readonly #cells = new Cells()
  readonly #blocks: Blocks
  readonly #watch: LoopWatch
  readonly #number = ++answers.last
  readonly #turnMs: number
  #timer: Timer | undefined
  #thread: Worker | undefined
  #exited = Promise.resolve()

  constructor(parts: PulseParts) {
    const { clock, limitMs } = parts
    this.#parts = parts
    this.#turnMs = limitMs === 0 ? TEND_MS : Math.min(limitMs / TURNS_PER_LIMIT, TURN_MS_MAX)
    this.#blocks = new Blocks(clock, () => parts.who(), parts.blocks)
    this.#watch = new LoopWatch({
      clock,
      cells: this.#cells,
      turnMs: this.#turnMs,
      limitMs: limitMs === 0 ? Infinity : limitMs,
      isBusy: () => parts.isBusy(),
      isDebugged,
      stood: (ms) => this.#blocks.stood(ms),
    })
  }

  /** Starts its thread, a moment later. */
  start(): void {
    this.#timer ??= this.#parts.clock.after(START_MS, () => this.#begin())
  }

  keep(worker: Incarnation | undefined): void {
    this.#cells.write('worker', worker ?? 0)
    this.#cells.signal()
  }

  active(): void {
    if (this.#thread !== undefined) this.#watch.active()
  }

  /** The worker's slow tick: the loop turns, also where nothing is watched. */
  turned(): void {
    this.#cells.countTurn()
  }

  gaveUpMs(worker: Incarnation): number | undefined {
    return this.#cells.read('gaveUp') === worker ? this.#cells.read('gaveUpMs') : undefined
  }

  /** What has blocked the loop, the worst first. */
  blocks(): readonly BlockCount[] {
    return this.#blocks.counts()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#watch.stop()
    const thread = this.#thread
    if (thread === undefined) return
    // The process must not end in the middle of it.
    thread.ref()
    this.#cells.write('ending', 1)
    this.#cells.signal()
    const patience = this.#parts.clock.after(END_MS, () => void thread.terminate())
    await this.#exited
    patience.cancel()
  }

  #begin(): void {
    const { beatMs, limitMs, stuckMs } = this.#parts
    const order: PulseOrder = {
      cells: this.#cells.buffer,
      address: this.#parts.address(),
      beatMs,
      turnMs: this.#turnMs,
      restMs: Math.min(beatMs, stuckMs / 2),
      limitMs: limitMs === 0 ? Infinity : limitMs,
      stuckMs,
      question: `globalThis[Symbol.for('${ANSWERS.description}')]?.by.get(${this.#number})?.()`,
    }
    answers.by.set(this.#number, () => this.#watch.isLate && this.#blocks.note())
    const thread = new Worker(ENTRY, { name: 'afterword-pulse', workerData: order, execArgv: [] })
    thread.on('message', (message: FromPulse) => this.#heard(message))
    thread.on('error', (error: unknown) => this.#parts.listener.failed(error))
    this.#exited = new Promise((resolve) => thread.on('exit', () => resolve(this.#ended())))
    // Last: a listener for messages would hold the process again.
    thread.unref()
    this.#thread = thread
  }

  #ended(): void {
    this.keepsLease = false
    this.#thread = undefined
    this.#watch.stop()
    answers.by.delete(this.#number)
  }

  #heard(message: FromPulse): void {
    const { listener } = this.#parts
    switch (message.kind) {
      case 'ready':
        this.keepsLease = true
        listener.began()
        break
      case 'beaten':
        listener.beaten()
        break
      case 'fenced':
        listener.fenced(message.worker)
        break
      case 'failed':
        this.keepsLease = false
        listener.failed(message.error)
        break
    }
  }
}
