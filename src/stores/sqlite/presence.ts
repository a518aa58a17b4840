/**
 * How the processes of one machine that share a database file notice each other.
 *
 * Each incarnation has two files in `<db>.d/`. Its *lock file* is locked while its process lives: who finds it free
 * knows that the process is dead, whatever clocks say. Its *socket* carries rings ("look at the store"), and breaks in
 * the moment the process dies. Neither is needed for right results, which rest on the guarded writes of the store: when
 * the folder cannot be made, the engine lives by its poll and by leases, a little slower.
 *
 * What a probe may conclude from the lock file:
 *
 * - It is locked: `alive`. Only the process itself can hold it. It may be stopped or stuck; that is for the lease to
 *   notice.
 * - It is there and free: `dead`. It appears under its name only once locked, and a process that leaves removes it
 *   before it lets go. One that breaks off lets go and leaves it, to be taken for dead.
 * - It is missing: `unknown`. A worker registers first, which gives its file a name, and arrives then; between the two
 *   it lives without a file. Where the folder refused it, it lives without one for good.
 * - It cannot be read: `unknown`. It belongs to another user.
 */
import type { Incarnation } from '../../model/task.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Presence } from '../../ports/presence.ts'
import { Doorbell } from './doorbell.ts'
import { LockFile, probeLock } from './lock-file.ts'
import { PresenceFolder } from './presence-folder.ts'

/** What a presence needs. */
export interface SqlitePresenceOptions {
  /** The database file with every symbolic link resolved, as `checkLocation` returns it: peers meet by this name. */
  readonly file: string
  readonly clock: Pick<Clock, 'soon'>
  /** Presence works in part only, for example in a folder of another user. Called at most twice per arrival. */
  readonly onDegraded?: (reason: string) => void
  /** Everything that went wrong and does not matter: broken connections, files that could not be removed. */
  readonly onDebug?: (what: string, error: unknown) => void
}

/** The last process to leave removes the folder, perhaps between its making and its use by another that arrives. */
const FOLDER_TRIES_MAX = 5

/** See the top of the file. */
export class SqlitePresence implements Presence {
  readonly #folder: PresenceFolder
  readonly #clock: Pick<Clock, 'soon'>
  readonly #onDegraded: (reason: string) => void
  readonly #onDebug: (what: string, error: unknown) => void
  #self: Incarnation | undefined
  #lock: LockFile | undefined
  #doorbell: Doorbell | undefined
  #arrival: Promise<void> | undefined
  #departure: Promise<void> | undefined

  onRing: () => void = () => {}
  onGone: (peer: Incarnation) => void = () => {}

  constructor(options: SqlitePresenceOptions) {
    this.#folder = new PresenceFolder(options.file)
    this.#clock = options.clock
    this.#onDegraded = options.onDegraded ?? (() => {})
    this.#onDebug = options.onDebug ?? (() => {})
  }

  /**
   * Takes the lock, listens, and calls every peer. The worker must be registered, and should look at the store once
   * more afterwards: what was committed before nobody rang about.
   *
   * Peers are called that the store names *and* that have a file in the folder: two that register at the same moment
   * may each miss the other in the store, but each has its files in place before it reads the folder, so at least one
   * of them sees the other.
   *
   * Resolves also when the file system or the sockets refuse; `onDegraded` says so. Peers that do not answer are
   * passed over: `probe` tells whether they are dead.
   *
   * @throws an error of ours when it is called a second time without `leave`.
   */
  async arrive(self: Incarnation, peers: readonly Incarnation[]): Promise<void> {
    if (this.#arrival !== undefined) throw new Error('SqlitePresence: arrive() was called twice without leave()')
    this.#arrival = this.#settle(self, peers)
    await this.#arrival
  }

  ring(): void {
    this.#doorbell?.ring()
  }

  ringOne(peer: Incarnation): void {
    this.#doorbell?.ringOne(peer)
  }

  /** What it may conclude stands at the top of the file. Takes about 0.1 ms and never throws. */
  probe(peer: Incarnation): 'dead' | 'alive' | 'unknown' {
    if (peer === this.#self) return 'alive'
    const state = probeLock(this.#folder.lockFile(peer))
    if (state === 'unknown') return 'unknown'
    return state === 'held' ? 'alive' : 'dead'
  }

  /**
   * Removes the files of an incarnation whose claims were rescued, if its process is certainly dead. Never throws. Safe
   * in several processes at once: an incarnation is never reused, so a file that is free stays free.
   */
  bury(peer: Incarnation): void {
    if (this.probe(peer) === 'dead') this.#remove(peer)
  }

  /**
   * Removes the files of every incarnation that is neither in the store nor alive. Never throws.
   *
   * @param live  every registered incarnation, this one included, as read from the store. Incarnations above the
   *   highest of them may have registered since it was read, and arrive at this moment: they are left alone.
   */
  sweepFiles(live: Iterable<Incarnation>): void {
    const keep = new Set(live)
    const newest = Math.max(...keep)
    for (const found of this.#folder.incarnations()) {
      if (!keep.has(found) && found < newest && this.probe(found) !== 'alive') this.#remove(found)
    }
  }

  /** Leaves; another `arrive` may follow. Does not throw; leaving twice, or before an arrival has ended, is fine. */
  leave(): Promise<void> {
    return this.#end(() => this.#depart())
  }

  /** Ends as a kill would, with the files left where they are for those who rescue. Does not throw; otherwise like `leave`. */
  breakOff(): Promise<void> {
    return this.#end(() => this.#vanish())
  }

  async #settle(self: Incarnation, peers: readonly Incarnation[]): Promise<void> {
    this.#self = self
    this.#lock = this.#takeLock(self)
    const doorbell = new Doorbell({
      self,
      address: (incarnation) => this.#folder.socket(incarnation),
      clock: this.#clock,
      onRing: () => this.onRing(),
      onGone: (peer) => this.onGone(peer),
      onTrouble: this.#onDebug,
    })
    this.#doorbell = doorbell
    try {
      await doorbell.listen()
    } catch (error) {
      this.#onDegraded(`peers cannot call (${messageOf(error)}); they are heard where this process can call them`)
    }
    const called = new Set([...peers, ...this.#folder.incarnations()])
    called.delete(self)
    await Promise.all(called.values().map((peer) => doorbell.dial(peer)))
  }

  #takeLock(self: Incarnation): LockFile | undefined {
    for (let tries = 1; ; tries++) {
      try {
        this.#folder.make()
        return LockFile.take(this.#folder.arrivingFile(self), this.#folder.lockFile(self))
      } catch (error) {
        if (tries < FOLDER_TRIES_MAX && isMissing(error, this.#folder)) continue
        this.#onDegraded(
          `no lock file (${messageOf(error)} in ${this.#folder.path}); only its lease shows that this process lives`,
        )
        return undefined
      }
    }
  }

  async #end(how: () => Promise<void>): Promise<void> {
    if (this.#arrival === undefined) return
    this.#departure ??= how().finally(() => {
      this.#self = undefined
      this.#lock = undefined
      this.#doorbell = undefined
      this.#arrival = undefined
      this.#departure = undefined
    })
    await this.#departure
  }

  async #depart(): Promise<void> {
    // Closing ends the calls of an arrival that is still under way; it makes nothing new afterwards.
    await Promise.all([this.#doorbell?.close(), this.#arrival])
    this.#letGo(() => this.#lock?.release())
    if (this.#self !== undefined) this.#remove(this.#self)
    this.#folder.removeIfEmpty()
  }

  async #vanish(): Promise<void> {
    // The lock goes first: who sees the connection break looks whether it is free.
    this.#letGo(() => this.#lock?.drop())
    await Promise.all([this.#doorbell?.breakOff(), this.#arrival])
  }

  #letGo(how: () => void): void {
    try {
      how()
    } catch (error) {
      this.#onDebug('letting go of the lock file', error)
    }
  }

  #remove(incarnation: Incarnation): void {
    try {
      this.#folder.remove(incarnation)
    } catch (error) {
      this.#onDebug(`removing the files of incarnation ${incarnation}`, error)
    }
  }
}

function isMissing(error: unknown, folder: PresenceFolder): boolean {
  return error instanceof Error && !folder.exists()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
