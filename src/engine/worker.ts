import type { AbortReason } from '../model/definition.ts'
import type { StopAccount } from '../model/events.ts'
import type { ClaimedTask, Incarnation, Instant, Retention, TaskId, WorkerRegistration } from '../model/task.ts'
import type { Chance } from '../ports/chance.ts'
import type { Clock } from '../ports/clock.ts'
import type { Pace } from '../ports/pace.ts'
import type { Presence } from '../ports/presence.ts'
import type { Pulse } from '../ports/pulse.ts'
import type { ClaimAsk, Claimed, Joined, Store, Written } from '../ports/store.ts'
import { Alarm } from './alarm.ts'
import type { EventHub } from './event-hub.ts'
import { HandBack } from './hand-back.ts'
import { Journal, type JournalOwner } from './journal.ts'
import type { Lane } from './lane.ts'
import { Probation } from './probation.ts'
import { Registration } from './registration.ts'
import { Rescuer } from './rescuer.ts'
import type { Runner } from './runner.ts'
import { Upkeep } from './upkeep.ts'
import { within } from './within.ts'

/** What a worker is made of. */
export interface WorkerParts {
  readonly store: Store
  readonly clock: Clock
  readonly chance: Chance
  readonly hub: EventHub
  readonly lanes: ReadonlyMap<string, Lane>
  readonly runner: Runner
  readonly beatMs: number
  readonly leaseMs: number
  readonly pollMs: number
  readonly pace?: Pace | undefined
  /** Keeps the lease beside the loop. Without one it is kept on the loop. */
  readonly pulse?: Pulse | undefined
  readonly retention: Retention
  /** False: this process only adds; it registers but claims nothing. */
  readonly works: boolean
  registration(): WorkerRegistration
  presence(): Presence
}

/**
 * One process's presence in the store: it registers, claims for its lanes, keeps its lease, rescues the dead, and
 * stops in order. Its claims ride in the journal's transactions.
 */
export class Worker implements JournalOwner {
  readonly journal: Journal
  readonly #parts: WorkerParts
  readonly #registration: Registration
  readonly #rescuer: Rescuer
  readonly #upkeep: Upkeep
  readonly #handBack: HandBack
  readonly #probation = new Probation()
  readonly #due: Alarm
  #paused: ReadonlySet<string> = new Set()
  #live = 0
  #started = false
  #draining = false
  #failed = false
  /** Something may be ready that nobody claimed: worth a claim when there is room. */
  #maybeReady = true
  #reviving: Promise<void> | undefined
  /** The incarnation that was declared dead, until this worker is registered again. */
  #former: Incarnation | undefined
  #lost: readonly TaskId[] = []
  #beatAtMs = 0
  /** Somebody may have asked to cancel one of our tasks: worth a look at the store without room, too. */
  #cancelMaybe = false

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.journal = new Journal(parts.store, parts.clock, this, parts.pace?.outcomeWaitMs)
    this.#due = new Alarm(parts.clock, () => this.look())
    this.#registration = new Registration({
      ...parts,
      onRing: () => void this.#onRing(),
      onGone: (peer) => void this.#rescuer.look(peer),
    })
    const here = { ...parts, self: () => this.incarnation, presence: () => this.#registration.presence }
    this.#handBack = new HandBack({
      ...here,
      failed: () => this.#failed,
      over: (claims) => this.#over(claims),
      look: () => this.look(),
    })
    this.#rescuer = new Rescuer({
      ...here,
      rescued: (ready) => this.#announce(ready),
    })
    this.#upkeep = new Upkeep({
      ...parts,
      rescuer: this.#rescuer,
      beat: () => this.#beat(),
      poll: () => void this.#poll(),
      handBackSurplus: () => {
        for (const lane of parts.lanes.values()) lane.lookForStall()
        return this.#handBack.surplus().then(() => this.#handBack.dueNow())
      },
    })
  }

  get incarnation(): Incarnation | undefined {
    return this.#registration.incarnation
  }

  /** Live tasks in the store, as of the last transaction of this process. */
  get live(): number {
    return this.#live
  }

  /** Milliseconds since the store last heard that this worker lives. */
  get beatAgoMs(): number {
    return this.#parts.clock.monotonicMs() - this.#beatAtMs
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Opens the store and registers. Rejects with a coded error when it cannot be used. */
  async start(): Promise<void> {
    // A store that failed as it was opened may be well by the next try.
    this.#failed = false
    try {
      await this.#parts.store.open()
      await this.#register()
    } catch (error) {
      await this.#registration.presence?.leave()
      await this.#parts.store.close()
      throw error
    }
    this.#upkeep.start()
    this.#parts.pulse?.start()
    this.#started = true
    if (this.#failed) this.failed()
    else this.look()
  }

  /** The incarnation for which an add may be claimed as it is inserted; undefined where this worker starts nothing of that queue. */
  claimFor(lane: Lane): Incarnation | undefined {
    return this.#draining || !this.#parts.works || lane.paused ? undefined : this.incarnation
  }

  /** A claim that was only there to keep others away is over: it goes back with all those of this turn. */
  giveBack(claim: Pick<ClaimedTask, 'id' | 'claims'>): void {
    this.#handBack.soon(claim)
  }

  /** Claims if there is room: something may have become ready. */
  look(): void {
    this.#maybeReady = true
    if (!this.#draining && !this.#failed && this.#parts.works) this.journal.wantClaim()
  }

  /** A lane has room again. */
  hungry(): void {
    if (this.#maybeReady) this.look()
  }

  /** A scheduled task will be due then: this worker looks when it is, or, where it takes nothing, tells the others of it. */
  expect(at: Instant): void {
    if (this.#draining || !this.#parts.works) return this.#registration.presence?.ring()
    this.#due.set(at)
  }

  /** An attempt of that task has ended. */
  ended(id: TaskId): void {
    if (this.#probation.over(id)) this.look()
  }

  /** Tells the worker of a running task that somebody asked to cancel it. */
  cancelAt(worker: Incarnation, id: TaskId): void {
    if (worker === this.incarnation) this.#parts.runner.cancel(id)
    else this.#registration.presence?.ringOne(worker)
  }

  /** Everybody looks at the store: something may have become ready. */
  wake(): void {
    this.#registration.presence?.ring()
    this.look()
  }

  /** A queue was paused or resumed: everybody learns of it. */
  async refresh(): Promise<void> {
    this.#setPaused(await this.#parts.store.paused())
    this.wake()
    await this.#handBack.surplus()
  }

  /**
   * The store has failed for good. What was claimed here and has not begun is left to those who rescue it, for its outcome
   * could not be recorded; attempts that run go on.
   */
  failed(): void {
    this.#failed = true
    // Nobody must believe that it is well.
    this.#parts.pulse?.keep(undefined)
    if (!this.#started) return
    this.#parts.runner.stopStarting()
    void this.#upkeep.stop()
  }

  /** The store has heard, beside the loop, that this worker lives. */
  beaten(): void {
    this.#beatAtMs = this.#parts.clock.monotonicMs()
  }

  /** The pulse says that this worker was declared dead. */
  fenced(worker: Incarnation): void {
    if (worker === this.incarnation && !this.#draining) this.#revive()
  }

  /** The transaction of a session has written to the store beside the journal. */
  joined(joined: Joined): void {
    this.written({ ...joined, durable: undefined }, this.incarnation)
  }

  // JournalOwner

  get storeFailed(): boolean {
    return this.#failed
  }

  claimAsk(): ClaimAsk | undefined {
    if (!this.#maybeReady || this.#draining || this.#failed || this.incarnation === undefined) return undefined
    const room = new Map<string, number>()
    const early = new Map<string, number>()
    if (this.#parts.works) {
      for (const lane of this.#parts.lanes.values()) {
        if (lane.room <= 0) continue
        room.set(lane.queue, lane.room)
        early.set(lane.queue, lane.room - lane.places)
      }
    }
    if (room.size === 0 && !this.#cancelMaybe) return undefined
    this.#cancelMaybe = false
    this.#maybeReady = room.size === 0
    return { room, early, probation: this.#probation.ask }
  }

  written(written: Written, worker: Incarnation | undefined): void {
    this.#live = written.live
    if (worker !== this.incarnation) {
      // An answer that came late, to the incarnation that was: what it claimed has been taken back meanwhile.
      this.#announce(written.ready)
      return this.look()
    }
    if (written.released.length > 0) this.#parts.runner.take(written.released)
    if (written.claimed !== undefined) this.#claimed(written.claimed)
    if (written.ready.size > 0) this.#announce(written.ready, written.claimed)
    if (written.fenced) this.#revive()
  }

  refused(error: unknown): void {
    this.#maybeReady = true
    this.#parts.hub.emit('store:error', { error })
  }

  #claimed(claimed: Claimed): void {
    if (claimed.more) this.#maybeReady = true
    this.#probation.claimed(claimed)
    if (claimed.nextDueAt !== undefined && this.#parts.works) this.expect(claimed.nextDueAt)
    for (const id of claimed.cancelling) this.#parts.runner.cancel(id)
    this.#parts.runner.take(claimed.tasks)
  }

  /** Tasks became ready that nobody owns: this worker takes what it has room for and wakes the others for the rest. */
  #announce(ready: ReadonlySet<string>, claimed?: Claimed): void {
    const mine = (queue: string): boolean =>
      this.#parts.works && !this.#draining && (this.#parts.lanes.get(queue)?.room ?? 0) > 0
    const rest = [...ready].filter((queue) => claimed === undefined || claimed.more || !mine(queue))
    if (rest.length === 0) return
    if (rest.some(mine)) this.look()
    else this.#maybeReady = true
    this.#registration.presence?.ring()
  }

  // Life

  async #register(): Promise<void> {
    this.#setPaused(await this.#parts.store.paused())
    await this.#registration.enter()
    this.#beatAtMs = this.#parts.clock.monotonicMs()
    await this.#rescuer.sweep()
  }

  async #onRing(): Promise<void> {
    if (this.#failed) return
    try {
      this.#setPaused(await this.#parts.store.paused())
      await this.#handBack.surplus()
    } catch (error) {
      if (this.incarnation !== undefined) this.#parts.hub.emit('store:error', { error })
    }
    this.#cancelMaybe = true
    this.look()
  }

  /** The safety net under the wake-ups. A process that only adds learns how many tasks live, which bounds its adds. */
  async #poll(): Promise<void> {
    await this.#onRing()
    if (!this.#draining && !this.#failed) this.journal.wantClaim()
  }

  #setPaused(paused: ReadonlySet<string>): void {
    const before = this.#paused
    this.#paused = paused
    for (const lane of this.#parts.lanes.values()) lane.paused = paused.has(lane.queue)
    if (!before.isSubsetOf(paused)) this.#parts.runner.resume()
  }

  async #beat(): Promise<void> {
    const self = this.incarnation
    // The store refused when this worker came back.
    if (self === undefined) return this.#draining ? undefined : this.#revive()
    if (this.#parts.pulse?.keepsLease === true) return
    const alive = await this.#parts.store.beat(self, this.#parts.clock.now())
    if (alive) this.#beatAtMs = this.#parts.clock.monotonicMs()
    if (!alive && self === this.incarnation && !this.#draining) this.#revive()
  }

  /** Others have declared this worker dead: what it held is theirs. It comes back as a new incarnation. */
  #revive(): void {
    this.#reviving ??= this.#comeBack()
      .catch((error: unknown) => this.#parts.hub.emit('store:error', { error }))
      .finally(() => (this.#reviving = undefined))
  }

  async #comeBack(): Promise<void> {
    if (this.#draining) return
    const former = this.#registration.lose()
    if (former !== undefined) {
      this.#former = former
      this.#probation.forget()
      this.#handBack.forget()
      this.#lost = this.#parts.runner.loseClaims()
    }
    await this.#register()
    const worker = this.#former!
    const stillMs = this.#parts.pulse?.gaveUpMs(worker)
    this.#parts.hub.emit('worker:fenced', { worker, lost: this.#lost, stillMs })
    this.look()
  }

  #over(claims: readonly Pick<ClaimedTask, 'id'>[]): void {
    for (const { id } of claims) {
      this.#parts.runner.forget(id)
      this.#probation.over(id)
    }
    this.#maybeReady = true
  }

  // Stop

  /** Nothing is claimed from here on, and what is added belongs to whoever is free. */
  drain(): void {
    this.#draining = true
    this.#due.cancel()
  }

  /**
   * Starts nothing more, lets attempts (and `alsoWait`) end until `graceMs` has passed or `hurried` resolves, then aborts their
   * signals, gives back what is left, and lets go of the store.
   */
  async stop(
    graceMs: number,
    abortMs: number,
    hurried: Promise<void>,
    alsoWait: Promise<void>,
  ): Promise<Omit<StopAccount, 'deferred'>> {
    const { runner, clock, store } = this.#parts
    this.drain()
    await this.#reviving
    const before = runner.finished
    runner.stopStarting()
    await within(clock, graceMs, Promise.race([Promise.all([runner.quiet(), alsoWait]), hurried]))
    for (const attempt of runner.attempts.values()) attempt.abort('shutdown' satisfies AbortReason['kind'])
    await within(clock, abortMs, runner.quiet())
    // A session may hold what the hand-back needs: the lock of the store's file, the row of the task.
    await within(clock, 1_000, Promise.all(runner.attempts.values().map((attempt) => attempt.letGo())))
    await within(clock, 1_000, this.#upkeep.stop())
    await within(clock, Math.max(abortMs, 1_000), this.journal.settle())
    // A store that waits for a lock takes calls in their order: what is left comes before the hand-back, so that no outcome is
    // lost to it, and no add claimed behind it for a worker that is gone.
    this.journal.hasten()
    const left = [...runner.attempts.values()].map((attempt) => ({ attempt, facts: runner.factsOf(attempt.task) }))
    const handedBack = await this.#handBack.all()
    for (const { attempt } of left) attempt.abandon('handBack')
    this.journal.end()
    const leftToRescue = handedBack === undefined ? [...runner.claims(), ...this.#handBack.due] : []
    await this.#parts.pulse?.stop()
    await this.#registration.leave(handedBack === undefined)
    await store.close()
    return {
      finished: runner.finished - before,
      handedBack: handedBack ?? [],
      abandoned: left.map((entry) => entry.facts),
      leftToRescue,
    }
  }
}
