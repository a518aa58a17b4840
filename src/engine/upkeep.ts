import type { Retention } from '../model/task.ts'
import type { Chance } from '../ports/chance.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Pace } from '../ports/pace.ts'
import type { Pulse } from '../ports/pulse.ts'
import type { Store } from '../ports/store.ts'
import type { EventHub } from './event-hub.ts'
import type { Rescuer } from './rescuer.ts'
import { UnknownTasks } from './unknown-tasks.ts'

/** How often the rescuer looks at most; a death that no connection told of is seen within it. */
const TICK_MS = 1_000
/**
 * How often to look for tasks that no worker can run; the first look is soon after the start, when others had their time to
 * start too. While there are some, it looks more often: their end is told of as well.
 */
const UNKNOWN_MS = 60_000
const UNKNOWN_SOON_MS = 5_000
/** Finished tasks looked at in one piece, so that pruning never stalls the loop. */
const PRUNE_PIECE = 500
/** The pause between two walks through the history when nothing was old enough. */
const PRUNE_PAUSE_MS = 60_000

/** What upkeep needs of its worker. */
export interface UpkeepParts {
  readonly store: Store
  readonly clock: Clock
  readonly chance: Chance
  readonly hub: EventHub
  readonly rescuer: Rescuer
  readonly retention: Retention
  readonly beatMs: number
  readonly pollMs: number
  readonly pace?: Pace | undefined
  readonly pulse?: Pulse | undefined
  beat(): Promise<void>
  /** The safety net under the wake-ups. */
  poll(): void
  handBackSurplus(): Promise<void>
}

/** One slow tick for all that must happen now and then: beat, rescue, poll, pruning, a look for the unknown. Keeps no process alive. */
export class Upkeep {
  readonly #parts: UpkeepParts
  #timer: Timer | undefined
  #stopped = false
  #ticking: Promise<void> | undefined
  #beatAtMs = 0
  #pollAtMs = 0
  #pruneAtMs = 0
  #unknownAtMs = 0
  readonly #unknown: UnknownTasks

  constructor(parts: UpkeepParts) {
    this.#parts = parts
    this.#unknown = new UnknownTasks(parts)
  }

  start(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#beatAtMs = nowMs + this.#parts.beatMs
    this.#pollAtMs = nowMs + this.#parts.pollMs
    this.#pruneAtMs = nowMs + TICK_MS
    this.#unknownAtMs = nowMs + UNKNOWN_SOON_MS
    this.#arm()
  }

  /** Resolves when a tick under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#ticking
  }

  #arm(): void {
    if (this.#stopped) return
    const { clock, pace, beatMs, pollMs } = this.#parts
    // A beat, and a look at the beats of others, must not wait longer than the beat itself; nor must a poll.
    this.#timer = clock.after(pace?.upkeepMs ?? Math.min(TICK_MS, beatMs, pollMs), () => {
      this.#ticking = this.#tick()
        .catch((error: unknown) => this.#parts.hub.emit('store:error', { error }))
        .finally(() => this.#arm())
    })
  }

  async #tick(): Promise<void> {
    const { clock, chance, rescuer, beatMs, pollMs } = this.#parts
    this.#parts.pulse?.turned()
    const nowMs = clock.monotonicMs()
    if (nowMs >= this.#beatAtMs) {
      this.#beatAtMs = nowMs + beatMs
      await this.#parts.beat()
    }
    await rescuer.sweep()
    if (nowMs >= this.#pollAtMs) {
      // Jitter: processes that started together should not look together.
      this.#pollAtMs = nowMs + pollMs * (0.9 + chance.fraction() * 0.2)
      this.#parts.poll()
    }
    await this.#parts.handBackSurplus()
    if (nowMs >= this.#pruneAtMs) await this.#prune(nowMs)
    if (nowMs >= this.#unknownAtMs) await this.#lookForUnknown(nowMs)
  }

  async #lookForUnknown(nowMs: number): Promise<void> {
    this.#unknownAtMs = nowMs + UNKNOWN_MS
    if (await this.#unknown.look()) this.#unknownAtMs = nowMs + UNKNOWN_SOON_MS
  }

  async #prune(nowMs: number): Promise<void> {
    const { store, clock, retention } = this.#parts
    const removed = await store.prune(retention, clock.now(), PRUNE_PIECE)
    this.#pruneAtMs = removed.done ? nowMs + PRUNE_PAUSE_MS : nowMs
  }
}
