/**
 * Whether this process is well, and whether it is ready. Ready is not assumed but proven: a canary task has passed through the
 * journal, the store and an attempt, not long ago, as this worker. Nothing here waits for long: a store that does not answer
 * is an answer.
 */
import type { ReadBackgroundOptions } from './background-options.ts'
import type { Canary } from './engine/canary.ts'
import type { Lane } from './engine/lane.ts'
import { type UnknownKind, unknownKinds } from './engine/unknown-tasks.ts'
import { within } from './engine/within.ts'
import type { Worker } from './engine/worker.ts'
import { asError } from './model/as-error.ts'
import type { Incarnation } from './model/task.ts'
import type { Clock } from './ports/clock.ts'
import type { Counts, Store } from './ports/store.ts'
import { VERSION } from './version.ts'

/** How long a canary may take, and how long is looked, in milliseconds: below the second that Kubernetes waits for a probe. */
const LIMIT_MS = 800

/** What stands in the way of readiness. */
export interface HealthReason {
  /**
   * `starting`: the store is not open, or could not be opened. `draining`: the background stops, or has stopped.
   * `fenced`: others took this worker for dead, and it is not registered again. `store-silent`: a canary does not come through.
   * `store-refused`: the store refused one, or a look. `store-failed`: the store has stopped for good; only a restart helps.
   */
  readonly reason: 'starting' | 'draining' | 'fenced' | 'store-silent' | 'store-refused' | 'store-failed'
  readonly text: string
}

/** Whether tasks can be added and run here. */
export interface Readiness {
  /** A canary came through within the last five seconds, and nothing is in the way since. */
  readonly ready: boolean
  /** False: only a restart of the process helps. */
  readonly live: boolean
  /** Why it is not ready; empty when it is. */
  readonly reasons: readonly HealthReason[]
}

/** One queue, in all processes and here. */
export interface QueueHealth {
  readonly scheduled: number
  readonly waiting: number
  readonly ready: number
  readonly running: number
  /** Nothing of it is started, anywhere. */
  readonly paused: boolean
  /** Tasks of it that this process runs at once at most; 0 when it does not serve it. */
  readonly places: number
  /** Places that are taken. */
  readonly busy: number
}

/** How this process and its store are; plain data. */
export interface Health extends Readiness {
  /** Of the library. */
  readonly version: string
  readonly draining: boolean
  readonly store: {
    readonly url: string
    readonly ok: boolean
    /** How long the last canary took to be durable, in milliseconds. */
    readonly latencyMs: number | undefined
    readonly error: string | undefined
  }
  /** As whom this process is registered; undefined when it is not. */
  readonly worker: { readonly worker: Incarnation; readonly beatAgoMs: number } | undefined
  /** Those with unfinished tasks, and those that are served here. */
  readonly queues: Readonly<Record<string, QueueHealth>>
  /** Ready tasks that no registered worker can run, and what is missing. */
  readonly unknown: readonly UnknownKind[]
}

/** What health is made of. */
export interface HealthParts {
  readonly settings: Pick<ReadBackgroundOptions, 'works'>
  readonly clock: Clock
  readonly store: Store
  readonly worker: Worker
  readonly lanes: ReadonlyMap<string, Lane>
  readonly canary: Canary
  /** Undefined while the store is open; else a promise of it. */
  opening(): Promise<unknown> | undefined
}

interface Seen {
  readonly counts: Counts
  readonly paused: ReadonlySet<string>
  readonly unknown: readonly UnknownKind[]
}

/** See the top of the file. */
export class HealthCheck {
  readonly #parts: HealthParts
  #isOpen = false
  #openError: Error | undefined
  #failure: Error | undefined

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** False when only a restart helps. Asks nobody, so it answers at once. */
  get live(): boolean {
    return this.#failure === undefined
  }

  /** The store has stopped for good. */
  storeFailed(error: Error): void {
    this.#failure = error
  }

  /** Proves it, unless that was done within the last five seconds. Answers within a second and never rejects. */
  async readiness(): Promise<Readiness> {
    const { clock } = this.#parts
    if (this.#lasting().length === 0) await within(clock, LIMIT_MS, this.#prove())
    const lasting = this.#lasting()
    return this.#verdict(lasting.length > 0 ? lasting : this.#passing())
  }

  /** The same, and what can be seen. Answers within two seconds and never rejects. */
  async health(): Promise<Health> {
    const { clock, store, worker, canary } = this.#parts
    const { reasons } = await this.readiness()
    let seen: Seen | undefined
    let error: Error | undefined
    const looking = this.#look().then(
      (all) => (seen = all),
      (thrown: unknown) => (error = asError(thrown)),
    )
    if (this.#isOpen) await within(clock, LIMIT_MS, looking)
    const all = [...reasons, ...(this.#isOpen && reasons.length === 0 ? unseen(seen, error) : [])]
    const broken = all.find(({ reason }) => reason.startsWith('store-'))
    const { incarnation } = worker
    return {
      ...this.#verdict(all),
      version: VERSION,
      draining: worker.draining,
      store: {
        url: store.url,
        ok: this.#isOpen && seen !== undefined && broken === undefined,
        latencyMs: canary.flight?.durableMs,
        error: broken?.text ?? (error === undefined ? undefined : firstLine(error)),
      },
      worker: incarnation === undefined ? undefined : { worker: incarnation, beatAgoMs: worker.beatAgoMs },
      queues: this.#queues(seen),
      unknown: seen?.unknown ?? [],
    }
  }

  async #prove(): Promise<void> {
    try {
      await this.#parts.opening()
      this.#isOpen = true
      this.#openError = undefined
    } catch (error) {
      this.#openError = asError(error)
      return
    }
    const flight = this.#parts.canary.send()
    // One that is late has been waited for.
    if (flight !== undefined && flight.ageMs < LIMIT_MS) await flight.landed
  }

  /** What needs no canary to be known. */
  #lasting(): readonly HealthReason[] {
    const { worker } = this.#parts
    return [
      ...(this.#failure === undefined ? [] : [why('store-failed', firstLine(this.#failure))]),
      ...(worker.draining ? [why('draining', 'The background is stopping, or has stopped.')] : []),
    ]
  }

  /** What the canary says. */
  #passing(): readonly HealthReason[] {
    if (!this.#isOpen) return [this.#starting()]
    const { flight } = this.#parts.canary
    if (flight === undefined || flight.problem === 'lost') {
      return [why('fenced', 'Other workers took this one for dead, and it has not registered again.')]
    }
    if (!flight.isOver) {
      const ageMs = Math.round(flight.ageMs)
      return [why('store-silent', `A canary task has been on its way through the store for ${ageMs} ms.`)]
    }
    if (flight.problem === undefined) return []
    return [why('store-refused', firstLine(asError(flight.problem)))]
  }

  #starting(): HealthReason {
    const error = this.#openError
    return why('starting', error === undefined ? 'The store is being opened.' : `It did not start: ${firstLine(error)}`)
  }

  #verdict(reasons: readonly HealthReason[]): Readiness {
    return { ready: reasons.length === 0, live: this.live, reasons }
  }

  async #look(): Promise<Seen> {
    const { store } = this.#parts
    const [counts, paused, unknown] = await Promise.all([store.counts(), store.paused(), unknownKinds(store)])
    return { counts, paused, unknown }
  }

  #queues(seen: Seen | undefined): Readonly<Record<string, QueueHealth>> {
    const { lanes, settings } = this.#parts
    const names = new Set([...(settings.works ? lanes.keys() : []), ...(seen?.counts.keys() ?? [])])
    const entries = [...names].map((queue): [string, QueueHealth] => {
      const lane = settings.works ? lanes.get(queue) : undefined
      const counts = seen?.counts.get(queue) ?? { scheduled: 0, waiting: 0, ready: 0, running: 0 }
      const paused = seen?.paused.has(queue) ?? false
      return [queue, { ...counts, paused, places: lane?.concurrency ?? 0, busy: lane?.running ?? 0 }]
    })
    return Object.fromEntries(entries)
  }
}

/** A look that did not come to its end. */
function unseen(seen: Seen | undefined, error: Error | undefined): readonly HealthReason[] {
  if (seen !== undefined) return []
  if (error !== undefined) return [why('store-refused', firstLine(error))]
  return [why('store-silent', `The store has not answered for ${LIMIT_MS} ms.`)]
}

function why(reason: HealthReason['reason'], text: string): HealthReason {
  return { reason, text }
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0]!
}
