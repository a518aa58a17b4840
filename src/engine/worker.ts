import type { AbortReason } from '../model/definition.ts'
import type { StopAccount } from '../model/events.ts'
import type { ClaimedTask, Incarnation, Instant, Retention, TaskId, WorkerRegistration } from '../model/task.ts'
import type { Chance } from '../ports/chance.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Pace } from '../ports/pace.ts'
import type { Presence } from '../ports/presence.ts'
import type { ClaimAsk, Claimed, Store, Written } from '../ports/store.ts'
import type { EventHub } from './event-hub.ts'
import { Journal, type JournalOwner } from './journal.ts'
import type { Lane } from './lane.ts'
import { Rescuer } from './rescuer.ts'
import type { Runner } from './runner.ts'
import { Upkeep } from './upkeep.ts'
import { within } from './within.ts'

type Claim = Pick<ClaimedTask, 'id' | 'claims'>

/** After so many claims in a row that left something over, a task on probation comes first. */
const CLAIMS_BEFORE_PROBATION = 16

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
  readonly #rescuer: Rescuer
  readonly #upkeep: Upkeep
  #presence: Presence | undefined
  #incarnation: Incarnation | undefined
  #paused: ReadonlySet<string> = new Set()
  #live = 0
  #draining = false
  #failed = false
  /** Claims to be given back that are not, of the present incarnation. */
  #returned: Claim[] = []
  /** Something may be ready that nobody claimed: worth a claim when there is room. */
  #maybeReady = true
  #due: { at: Instant; timer: Timer } | undefined
  #probation: TaskId | undefined
  /** Claims that took all they could, so that nothing was left for a task on probation. */
  #fullClaims = 0
  #reviving: Promise<void> | undefined
  /** The incarnation that was declared dead, until this worker is registered again. */
  #former: Incarnation | undefined
  #lost: readonly TaskId[] = []
  /** Somebody may have asked to cancel one of our tasks: worth a look at the store without room, too. */
  #cancelMaybe = false
  /** The store refused to take the claims back. The row stays with them: others rescue only whom they find registered. */
  #stillHolds = false

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.journal = new Journal(parts.store, parts.clock, this, parts.pace?.outcomeWaitMs)
    this.#rescuer = new Rescuer({
      ...parts,
      self: () => this.#incarnation,
      presence: () => this.#presence,
      rescued: (ready) => this.#announce(ready),
    })
    this.#upkeep = new Upkeep({
      ...parts,
      rescuer: this.#rescuer,
      beat: () => this.#beat(),
      poll: () => void this.#poll(),
      handBackSurplus: () => {
        for (const lane of parts.lanes.values()) lane.lookForStall()
        return this.#handBackSurplus().then(() => this.#giveBackAll())
      },
    })
  }

  get incarnation(): Incarnation | undefined {
    return this.#incarnation
  }

  /** Live tasks in the store, as of the last transaction of this process. */
  get live(): number {
    return this.#live
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Opens the store and registers. Rejects with a coded error when it cannot be used. */
  async start(): Promise<void> {
    try {
      await this.#parts.store.open()
      await this.#register()
    } catch (error) {
      await this.#presence?.leave()
      await this.#parts.store.close()
      throw error
    }
    this.#upkeep.start()
    this.look()
  }

  /** The incarnation for which an add may be claimed as it is inserted; undefined where this worker starts nothing of that queue. */
  claimFor(queue: string): Incarnation | undefined {
    if (this.#draining || !this.#parts.works || this.#paused.has(queue)) return undefined
    return this.#parts.lanes.has(queue) ? this.#incarnation : undefined
  }

  /** A claim that was only there to keep others away is over: it goes back with all those of this turn. */
  giveBack(claim: Claim): void {
    if (this.#returned.push(claim) === 1) this.#parts.clock.soon(() => void this.#giveBackAll())
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
    if (this.#draining || !this.#parts.works) return this.#presence?.ring()
    if (this.#due !== undefined && this.#due.at <= at) return
    this.#due?.timer.cancel()
    const waitMs = Math.max(0, at - this.#parts.clock.now())
    const timer = this.#parts.clock.after(waitMs, () => {
      this.#due = undefined
      this.look()
    })
    this.#due = { at, timer }
  }

  /** An attempt of that task has ended. */
  ended(id: TaskId): void {
    if (this.#probation !== id) return
    this.#probation = undefined
    this.look()
  }

  /** Tells the worker of a running task that somebody asked to cancel it. */
  cancelAt(worker: Incarnation, id: TaskId): void {
    if (worker === this.#incarnation) this.#parts.runner.cancel(id)
    else this.#presence?.ringOne(worker)
  }

  /** Everybody looks at the store: something may have become ready. */
  wake(): void {
    this.#presence?.ring()
    this.look()
  }

  /** A queue was paused or resumed: everybody learns of it. */
  async refresh(): Promise<void> {
    this.#setPaused(await this.#parts.store.paused())
    this.wake()
    await this.#handBackSurplus()
  }

  /** The store has failed for good. */
  failed(): void {
    this.#failed = true
  }

  // JournalOwner

  get storeFailed(): boolean {
    return this.#failed
  }

  claimAsk(): ClaimAsk | undefined {
    if (!this.#maybeReady || this.#draining || this.#failed || this.#incarnation === undefined) return undefined
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
    const isItsTurn = this.#fullClaims >= CLAIMS_BEFORE_PROBATION ? 'first' : true
    return { room, early, probation: this.#probation === undefined && isItsTurn }
  }

  written(written: Written, worker: Incarnation | undefined): void {
    this.#live = written.live
    if (worker !== this.#incarnation) {
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
    this.#fullClaims = claimed.more && this.#fullClaims < CLAIMS_BEFORE_PROBATION ? this.#fullClaims + 1 : 0
    if (claimed.nextDueAt !== undefined && this.#parts.works) this.expect(claimed.nextDueAt)
    for (const id of claimed.cancelling) this.#parts.runner.cancel(id)
    if (claimed.tasks.length === 0) return
    this.#probation ??= claimed.tasks.find((task) => task.crashes >= 2)?.id
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
    this.#presence?.ring()
  }

  // Life

  async #register(): Promise<void> {
    const { store, hub } = this.#parts
    const incarnation = await store.register(this.#parts.registration())
    this.#setPaused(await store.paused())
    const presence = this.#parts.presence()
    presence.onRing = () => void this.#onRing()
    presence.onGone = (peer) => void this.#rescuer.look(peer)
    const peers = (await store.workers()).map((worker) => worker.incarnation).filter((peer) => peer !== incarnation)
    await presence.arrive(incarnation, peers)
    this.#presence = presence
    this.#incarnation = incarnation
    hub.emit('worker:registered', { worker: incarnation, store: store.url })
    await this.#rescuer.sweep()
  }

  async #onRing(): Promise<void> {
    try {
      this.#setPaused(await this.#parts.store.paused())
      await this.#handBackSurplus()
    } catch (error) {
      if (this.#incarnation !== undefined) this.#parts.hub.emit('store:error', { error })
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
    const self = this.#incarnation
    if (this.#failed) return
    // The store refused when this worker came back.
    if (self === undefined) return this.#draining ? undefined : this.#revive()
    const alive = await this.#parts.store.beat(self, this.#parts.clock.now())
    if (!alive && self === this.#incarnation && !this.#draining) this.#revive()
  }

  /** Others have declared this worker dead: what it held is theirs. It comes back as a new incarnation. */
  #revive(): void {
    this.#reviving ??= this.#comeBack()
      .catch((error: unknown) => this.#parts.hub.emit('store:error', { error }))
      .finally(() => (this.#reviving = undefined))
  }

  async #comeBack(): Promise<void> {
    if (this.#draining) return
    if (this.#incarnation !== undefined) {
      this.#former = this.#incarnation
      this.#incarnation = undefined
      this.#probation = undefined
      this.#returned = []
      this.#lost = this.#parts.runner.loseClaims()
    }
    await this.#presence?.leave()
    await this.#register()
    this.#parts.hub.emit('worker:fenced', { worker: this.#former!, lost: this.#lost })
    this.look()
  }

  async #handBackSurplus(): Promise<void> {
    const surplus = [...this.#parts.lanes.values()].flatMap((lane) => lane.surplus())
    if (surplus.length === 0) return
    const self = this.#incarnation
    let back: readonly TaskId[]
    try {
      back = await this.#handBack(surplus)
    } catch (error) {
      // The store refused: all of it is ours still, and waits here again.
      if (self === this.#incarnation) this.#parts.runner.take(surplus)
      throw error
    }
    const given = new Set(back)
    // What was not given back was cancelled in its place, or is not ours any more: in no case does it run here.
    for (const { id } of surplus) if (!given.has(id)) this.#parts.runner.forget(id)
    if (surplus.some(({ id }) => id === this.#probation)) this.#probation = undefined
    if (given.size > 0) this.#maybeReady = true
  }

  /** Gives back what is to be returned; what the store refuses now goes with the next upkeep. */
  async #giveBackAll(): Promise<void> {
    const claims = this.#returned
    const self = this.#incarnation
    if (claims.length === 0 || self === undefined || this.#failed) return
    this.#returned = []
    try {
      await this.#handBack(claims)
    } catch (error) {
      if (self === this.#incarnation) this.#returned.push(...claims)
      return this.#parts.hub.emit('store:error', { error })
    }
    for (const { id } of claims) this.#parts.runner.forget(id)
    this.look()
  }

  async #handBack(tasks: readonly Claim[] | 'all'): Promise<readonly TaskId[]> {
    const self = this.#incarnation
    if (self === undefined) return []
    const back = await this.#parts.store.handBack(self, tasks, this.#parts.clock.now())
    if (back.length > 0) this.#presence?.ring()
    return back
  }

  // Stop

  /** Nothing is claimed from here on, and what is added belongs to whoever is free. */
  drain(): void {
    this.#draining = true
    this.#due?.timer.cancel()
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
    await within(clock, 1_000, this.#upkeep.stop())
    await within(clock, Math.max(abortMs, 1_000), this.journal.settle())
    // A store that waits for a lock takes calls in their order: what is left comes before the hand-back, so that no outcome is
    // lost to it, and no add claimed behind it for a worker that is gone.
    this.journal.hasten()
    const left = [...runner.attempts.values()].map((attempt) => ({ attempt, facts: runner.factsOf(attempt.task) }))
    const handedBack = this.#failed
      ? []
      : await this.#handBack('all').catch((error: unknown) => {
          this.#stillHolds = true
          return this.#keptAnyway(error)
        })
    for (const { attempt } of left) attempt.abandon('handBack')
    this.journal.end()
    await this.#leave()
    await store.close()
    return { finished: runner.finished - before, handedBack, abandoned: left.map((entry) => entry.facts) }
  }

  /** A store that refuses must not keep a process from stopping: others rescue what could not be handed back. */
  #keptAnyway(error: unknown): [] {
    this.#parts.hub.emit('store:error', { error })
    return []
  }

  async #leave(): Promise<void> {
    const self = this.#incarnation
    if (self !== undefined && !this.#failed && !this.#stillHolds) {
      await this.#parts.store.retire(self).catch((error: unknown) => this.#keptAnyway(error))
    }
    this.#incarnation = undefined
    // Rings go out at the end of the turn: the others must hear of what was given back.
    await new Promise<void>((resolve) => this.#parts.clock.soon(resolve))
    await this.#presence?.leave()
  }
}
