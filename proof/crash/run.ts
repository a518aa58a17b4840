/**
 * One run: servers on one file, clients that write down every answer, a tormentor, and at the end the checkers that read
 * the record. Everything that chance decides comes from the seed; what real processes do between is theirs.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededChance } from '../support/chance.ts'
import { CHECKERS } from './checkers/all.ts'
import { Clients } from './clients.ts'
import { Cluster } from './cluster.ts'
import { Disk } from './disk.ts'
import { Evidence } from './evidence.ts'
import { FAULTS, type FaultName, planFaults } from './faults.ts'
import { LiveCount, readFinalDatabase } from './final-database.ts'
import { HistoryWriter, nowMs, readHistory } from './history.ts'
import { makeReport, type Report } from './report.ts'
import { Tormentor } from './tormentor.ts'
import { planOf } from './workload.ts'

/** How long workers of the run may be silent, how often they say that they live, and how often they look for work. */
const LIFE = { lease: 1_500, beat: 300, poll: 250, grace: 120 }
const CLIENTS = 8
/** Clients take a break between two requests, so that servers keep up with what is added while others are dead. */
const CLIENT_PAUSE_MS = 4
const MEMORY_EVERY_MS = 250
const DRAIN_LOOK_MS = 50
/** Nobody was answered for so long: the run goes no further. */
const SILENCE_MS_MAX = 30_000

/** What a run is told. It ends when every bound that is given is reached. */
export interface RunSettings {
  readonly seed: number
  readonly servers: number
  /** Bounds: acknowledged tasks, kills, and seconds. */
  readonly tasks: number | undefined
  readonly kills: number | undefined
  readonly seconds: number | undefined
  /** A fault that is planted into the sources that the servers load. */
  readonly plant?: string | undefined
  /** What the tormentor may do. By default everything that this machine allows. */
  readonly faults?: readonly FaultName[] | undefined
  /** The longest pause between two faults. */
  readonly pauseMsMax?: number | undefined
  /** Nothing has ended for so long after the faults healed: what is left never will. */
  readonly stallMs?: number | undefined
}

/** Runs it to the end and judges it. */
export async function crashRun(settings: RunSettings): Promise<Report> {
  const { seed, servers } = settings
  const wanted = settings.faults ?? FAULTS
  const disk = new Disk(wanted.includes('full disk') || wanted.includes('failed sync'))
  const file = join(disk.folder, 'history')
  const history = new HistoryWriter(file)
  const cluster = new Cluster({
    servers,
    plant: settings.plant,
    history,
    settings: { seed, file: disk.file, history: file, ...LIFE },
    env: (slot) => disk.env(slot),
  })
  const sampling = setInterval(() => sampleMemory(cluster, history), MEMORY_EVERY_MS)
  try {
    const clients = new Clients(seed, cluster, history)
    const tormentor = new Tormentor({ cluster, clients, disk, history, leaseMs: LIFE.lease })
    clients.start(CLIENTS, CLIENT_PAUSE_MS, seededChance(seed + 1))
    await torment(settings, wanted.filter((name) => isPossible(name, disk)), clients, tormentor)
    await clients.stop()
    history.write({ what: 'heal' })
    await drain(cluster, disk.file, settings.stallMs ?? 10_000)
    await cluster.close()
    const evidence = new Evidence(readHistory(file), readFinalDatabase(disk.file), (n) => planOf(seed, n))
    const violations = CHECKERS.flatMap((check) => check(evidence))
    const skipped = disk.skipped.filter((name) => wanted.some((fault) => name.startsWith(fault)))
    return makeReport({ settings, evidence, violations, kills: tormentor.kills, faults: tormentor.done, skipped })
  } finally {
    clearInterval(sampling)
    await cluster.destroy()
    history.close()
    disk.remove()
  }
}

function isPossible(name: FaultName, disk: Disk): boolean {
  if (name === 'full disk') return disk.canFill
  return name !== 'failed sync' || disk.canFailSync
}

async function torment(
  settings: RunSettings,
  names: readonly FaultName[],
  clients: Clients,
  tormentor: Tormentor,
): Promise<void> {
  const { seed, servers, tasks = 0, kills = 0, seconds = 0, pauseMsMax = 300 } = settings
  const plan = planFaults(seededChance(seed), names, servers, pauseMsMax)
  const startedMs = nowMs()
  let acknowledged = 0
  let lastMs = nowMs()
  for (;;) {
    const isDone =
      clients.acknowledged >= tasks && tormentor.kills >= kills && nowMs() - startedMs >= seconds * 1_000
    if (isDone || nowMs() - lastMs > SILENCE_MS_MAX) return
    if (clients.acknowledged > acknowledged) {
      acknowledged = clients.acknowledged
      lastMs = nowMs()
    }
    await tormentor.inflict(plan.next().value)
  }
}

/** Waits until nothing is left to do, or until nothing of what is left gets done any more. */
async function drain(cluster: Cluster, file: string, stallMs: number): Promise<void> {
  await Promise.all(cluster.running.map((_, slot) => cluster.up(slot)))
  using live = new LiveCount(file)
  let left = Infinity
  let changedMs = nowMs()
  while (left > 0 && nowMs() - changedMs < stallMs) {
    const count = live.count()
    if (count !== left) changedMs = nowMs()
    left = count
    if (left > 0) await sleep(DRAIN_LOOK_MS)
  }
}

function sampleMemory(cluster: Cluster, history: HistoryWriter): void {
  if (process.platform !== 'linux') return
  for (const { server, child, ended } of cluster.running) {
    if (ended) continue
    try {
      const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1])
      if (pages > 0) history.write({ what: 'memory', server, bytes: pages * 4_096 })
    } catch {
      // It has ended by now.
    }
  }
}
