import { setTimeout as sleep } from 'node:timers/promises'
import type { Clients } from './clients.ts'
import type { Cluster, Running } from './cluster.ts'
import type { Disk } from './disk.ts'
import type { FaultName, PlannedFault, Point } from './faults.ts'
import type { HistoryWriter } from './history.ts'

/** A server that is killed while it starts has lived for at most this long: about what a start takes. */
const STARTING_MS_MAX = 200
const FULL_MS = 800
/** Half of the answers ask for a sync; under load the next one comes at once. */
const SYNC_MS_MAX = 2_000
const LOOK_MS = 5
/** A server under load comes to every point of its program sooner. */
const POINT_MS_MAX = 3_000
/** Requests that ask a server whose sync has failed whether it goes on. */
const PROBES = 16

/** What a tormentor works on. */
export interface TormentorParts {
  readonly cluster: Cluster
  readonly clients: Clients
  readonly disk: Disk
  readonly history: HistoryWriter
  /** A worker is stopped for longer than this, so that others declare it dead. */
  readonly leaseMs: number
}

/** Carries out faults, one at a time, and counts its kills. */
export class Tormentor {
  readonly #parts: TormentorParts
  readonly done = new Map<FaultName, number>()
  kills = 0

  constructor(parts: TormentorParts) {
    this.#parts = parts
  }

  /** Carries out one fault, to its end. It begins when all servers are up: what they do while they start is a fault of its own. */
  async inflict(fault: PlannedFault): Promise<void> {
    const { cluster } = this.#parts
    await cluster.allUp()
    await sleep(fault.pauseMs)
    const running = cluster.running[fault.slot]!
    // It died by itself meanwhile; the checkers will say so.
    if (running.ended) return
    this.done.set(fault.name, (this.done.get(fault.name) ?? 0) + 1)
    switch (fault.name) {
      case 'kill one':
        return this.#kill(running)
      case 'kill all':
        for (const each of cluster.running) this.#kill(each)
        return
      case 'kill while starting':
        return this.#killWhileStarting(running, fault)
      case 'stop':
        return this.#stop(running, fault)
      case 'hold':
        return this.#hold(running, fault)
      case 'term':
        return cluster.term(running)
      case 'full disk':
        return this.#fill(running, fault)
      case 'failed sync':
        return this.#failSync(running, fault)
      case 'kill when written':
        return this.#killAt(running, 'written')
      case 'kill when finished':
        return this.#killAt(running, 'finished')
      case 'kill when committed':
        return this.#killAt(running, 'committed')
    }
  }

  #kill(running: Running): void {
    if (running.ended) return
    this.#parts.cluster.kill(running)
    this.kills++
  }

  /** It writes the line of its kill by itself. One that does not come there is killed where it is. */
  async #killAt(running: Running, point: Point): Promise<void> {
    await this.#parts.cluster.killAt(running, point, POINT_MS_MAX)
    if (running.child.signalCode === 'SIGKILL') this.kills++
    else this.#kill(running)
  }

  async #killWhileStarting(running: Running, { slot, length }: PlannedFault): Promise<void> {
    this.#kill(running)
    await running.exited
    await sleep(length * STARTING_MS_MAX)
    this.#kill(this.#parts.cluster.running[slot]!)
  }

  /** Longer than the lease: others rescue what it holds, and it wakes up as one that was declared dead. */
  async #stop(running: Running, { length, withKill }: PlannedFault): Promise<void> {
    const { cluster, leaseMs } = this.#parts
    cluster.stop(running)
    await sleep(leaseMs * (1.4 + length * 0.4))
    if (withKill) this.#kill(running)
    else cluster.resume(running)
  }

  /** The same where it holds no lock, so that its peers certainly go on, and it certainly wakes up. */
  async #hold(running: Running, { length }: PlannedFault): Promise<void> {
    const { cluster, leaseMs } = this.#parts
    if (!(await cluster.hold(running, POINT_MS_MAX))) return this.#kill(running)
    await sleep(leaseMs * (1.4 + length * 0.4))
    cluster.resume(running)
  }

  async #fill(running: Running, { length, withKill }: PlannedFault): Promise<void> {
    const { disk, history } = this.#parts
    history.write({ what: 'fill' })
    disk.fill()
    await sleep(FULL_MS * (0.25 + length * 0.25))
    if (withKill) this.#kill(running)
    await sleep(FULL_MS * (0.25 + length * 0.25))
    disk.free()
    history.write({ what: 'free' })
  }

  /** The store of that server has failed for good: it refuses, until somebody starts it again. */
  async #failSync(running: Running, { slot, withKill }: PlannedFault): Promise<void> {
    const { cluster, clients, disk, history } = this.#parts
    history.write({ what: 'sync-error', server: running.server })
    disk.failNextSync(slot)
    for (let waitedMs = 0; waitedMs < SYNC_MS_MAX && !disk.hasFailed(slot); waitedMs += LOOK_MS) await sleep(LOOK_MS)
    const hasFailed = disk.hasFailed(slot)
    if (hasFailed) {
      history.write({ what: 'sync-failed', server: running.server })
      for (let probe = 0; probe < PROBES; probe++) await clients.ask(running)
    }
    disk.spare(slot)
    if (!hasFailed) return
    if (withKill) this.#kill(running)
    else await cluster.term(running)
  }
}
