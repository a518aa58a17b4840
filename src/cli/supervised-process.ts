import type { ChildProcess } from 'node:child_process'
import type { Clock, Timer } from '../ports/clock.ts'
import { defaultGraceMs } from './grace.ts'
import type { FromProcess, StopCounts, StopOrder, ToProcess } from './messages.ts'
import type { Subject } from './status-lines.ts'

/** What a process may take beyond its grace to abort attempts and to write the last commit. */
const BEYOND_GRACE_MS = 1_500
/** A process tells by itself that its start took too long, unless its event loop is stuck. */
const BEYOND_START_MS = 1_000

/** What happens to a process, for its supervisor. */
export interface ProcessEvents {
  ready(process: SupervisedProcess, what: Extract<FromProcess, { readonly kind: 'ready' }>): void
  /** A signal of its own told it to stop. */
  stopping(process: SupervisedProcess, signal: string): void
  worn(process: SupervisedProcess, why: string): void
  /** The last resort was needed. */
  killed(process: SupervisedProcess, why: string): void
  ended(process: SupervisedProcess): void
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process as its supervisor sees it. */
export class SupervisedProcess {
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #events: ProcessEvents
  readonly #up = Promise.withResolvers<boolean>()
  readonly #gone = Promise.withResolvers<void>()
  #subject: Subject
  #readyMs: number | undefined
  #graceMs: number
  #timer: Timer
  /** Its end was asked for. */
  isStopping = false
  ending: Ending | undefined
  /** Why it can never start like this. */
  refusal: string | undefined
  /** The last of what it wrote before it died at its start. */
  output = ''
  counts: StopCounts | undefined

  constructor(
    child: ChildProcess,
    subject: Omit<Subject, 'pid'>,
    clock: Clock,
    startTimeoutMs: number,
    events: ProcessEvents,
  ) {
    this.#child = child
    this.#subject = { ...subject, pid: child.pid }
    this.#clock = clock
    this.#events = events
    this.#graceMs = defaultGraceMs()
    this.#timer = clock.after(startTimeoutMs + BEYOND_START_MS, () => this.#kill('it did not start, nor did it answer'))
    child.on('message', (message: FromProcess) => this.#heard(message))
    // A process that could not be spawned at all has no exit.
    child.on('error', (error) => {
      this.output ||= String(error)
      if (child.pid === undefined) this.#onExit({ code: null, signal: null })
    })
    child.on('exit', (code, signal) => this.#onExit({ code, signal }))
  }

  get subject(): Subject {
    return this.#subject
  }

  /** Resolves to true when it is ready, to false when it has ended before. */
  get up(): Promise<boolean> {
    return this.#up.promise
  }

  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** How long it has been ready, in milliseconds; undefined when it never was. */
  get readyForMs(): number | undefined {
    return this.#readyMs === undefined ? undefined : this.#clock.monotonicMs() - this.#readyMs
  }

  /** Asks it to stop; one that has not by the end of its grace is killed. Resolves when it has ended. */
  stop(order: StopOrder): Promise<void> {
    if (this.ending === undefined && !this.isStopping) {
      this.isStopping = true
      this.#send({ kind: 'stop', ...order })
      this.#killAfter(order.graceMs ?? this.#graceMs)
    }
    return this.gone
  }

  /** Cuts the waiting of its stop short. */
  hurry(): void {
    this.#send({ kind: 'hurry' })
  }

  #killAfter(graceMs: number): void {
    this.#timer.cancel()
    const ms = graceMs + BEYOND_GRACE_MS
    this.#timer = this.#clock.after(ms, () => this.#kill(`it had not stopped after ${ms} ms`), true)
  }

  #kill(why: string): void {
    this.#events.killed(this, why)
    this.#child.kill('SIGKILL')
  }

  #send(message: ToProcess): void {
    // One that is gone hears nothing, and its end tells the rest.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #heard(message: FromProcess): void {
    switch (message.kind) {
      case 'ready':
        this.#timer.cancel()
        this.#readyMs = this.#clock.monotonicMs()
        this.#graceMs = message.graceMs
        this.#subject = { ...this.#subject, incarnations: message.incarnations }
        this.#events.ready(this, message)
        this.#up.resolve(true)
        break
      case 'refused':
        this.refusal = message.message
        break
      case 'failing':
        this.output = message.output
        break
      case 'stopping':
        if (this.isStopping) break
        this.isStopping = true
        this.#killAfter(this.#graceMs)
        this.#events.stopping(this, message.signal)
        break
      case 'stopped':
        this.counts = message
        break
      case 'worn':
        this.#events.worn(this, message.why)
        break
    }
  }

  #onExit(ending: Ending): void {
    if (this.ending !== undefined) return
    this.ending = ending
    this.#timer.cancel()
    this.#up.resolve(false)
    this.#events.ended(this)
    this.#gone.resolve()
  }
}
