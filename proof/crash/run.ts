/**
 * One run: servers on one file, clients that write down every answer, a tormentor, and at the end the checkers that read
 * the record. Everything that chance decides comes from the seed; what real processes do between is theirs.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { seededChance } from '../support/chance.ts'
import { CHECKERS } from './checkers/all.ts'
import { Clients } from './clients.ts'
import { Cluster, NotUp } from './cluster.ts'
import { Disk } from './disk.ts'
import { Evidence, type Violation } from './evidence.ts'
import { FAULTS, type FaultName, planFaults } from './faults.ts'
import { LiveCount, readFinalDatabase } from './final-database.ts'
import { HistoryWriter, nowMs, readHistory } from './history.ts'
import { makeReport, type Report } from './report.ts'
import { Tormentor } from './tormentor.ts'
import { type PlannedTask, planOf } from './workload.ts'

/** How long workers of the run may be silent, how often they say that they live, and how often they look for work. */
const LIFE = { lease: 1_500, beat: 300, poll: 250, grace: 120 }
const CLIENTS = 12
/** Clients take a break between two requests, so that servers keep up with what is added while others are dead. */
const CLIENT_PAUSE_MS = 4
const PAUSE_MS = { min: 0, max: 300 }
const MEMORY_EVERY_MS = 250
const DRAIN_LOOK_MS = 50
/** Longer than every delay and every wait of a retry, and than a lease. */
const STALL_MS = 10_000
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
  /** Another bound: how many faults are carried out. */
  readonly inflictions?: number | undefined
  /** A fault that is planted into the sources that the servers load. */
  readonly plant?: string | undefined
  /** What the tormentor may do. By default everything that this machine allows. */
  readonly faults?: readonly FaultName[] | undefined
  /** The pause before a fault, from the moment when all servers are up. */
  readonly pauseMs?: { readonly min: number; readonly max: number } | undefined
  /** Each fault waits, besides its pause, for so many more acknowledged tasks, so that it meets something. */
  readonly tasksBetween?: number | undefined
  /** The share of tasks that take long, from 0 to 1. */
  readonly longShare?: number | undefined
  /** Nothing has ended for so long after the faults healed: what is left never will. */
  readonly stallMs?: number | undefined
  /** Whether the history and the database stay when something is wrong with them: real processes repeat nothing exactly. */
  readonly keeps?: boolean | undefined
}

/** Runs it to the end and judges it. */
export async function crashRun(settings: RunSettings): Promise<Report> {
  const { seed, servers, longShare } = settings
  const plan = (n: number): readonly PlannedTask[] => planOf(seed, n, longShare)
  const wanted = settings.faults ?? FAULTS
  const disk = new Disk(wanted.includes('full disk') || wanted.includes('failed sync'))
  const file = join(disk.folder, 'history')
  const history = new HistoryWriter(file)
  if (settings.plant !== undefined) await makeDatabase(disk.file)
  const cluster = new Cluster({
    servers,
    plant: settings.plant,
    history,
    settings: { seed, longShare, file: disk.file, history: file, ...LIFE },
    env: (slot) => disk.env(slot),
  })
  const sampling = setInterval(() => sampleMemory(cluster, history), MEMORY_EVERY_MS)
  const cutOff = (): void => void [cluster.destroy(), disk.remove()]
  process.once('exit', cutOff)
  try {
    const clients = new Clients(plan, cluster, history)
    const tormentor = new Tormentor({ cluster, clients, disk, history, leaseMs: LIFE.lease })
    const possible = wanted.filter((name) => isPossible(name, disk))
    const trouble = await live({ settings, possible, cluster, clients, tormentor, history, file: disk.file })
    const evidence = new Evidence(readHistory(file), readFinalDatabase(disk.file), plan)
    const violations = [...trouble, ...CHECKERS.flatMap((check) => check(evidence))]
    const kept = settings.keeps === true && violations.length > 0 ? disk.keep('history') : undefined
    return makeReport({
      settings,
      evidence,
      violations,
      kills: tormentor.kills,
      faults: tormentor.done,
      skipped: skippedHere(wanted, disk),
      kept,
    })
  } finally {
    process.off('exit', cutOff)
    clearInterval(sampling)
    await cluster.destroy()
    history.close()
    disk.remove()
  }
}

interface Life {
  readonly settings: RunSettings
  readonly possible: readonly FaultName[]
  readonly cluster: Cluster
  readonly clients: Clients
  readonly tormentor: Tormentor
  readonly history: HistoryWriter
  readonly file: string
}

/** Load and faults, then peace until all is done, then a stop in order. Says when servers did not come up for it. */
async function live({ settings, possible, cluster, clients, tormentor, history, file }: Life): Promise<Violation[]> {
  try {
    clients.start(CLIENTS, CLIENT_PAUSE_MS, seededChance(settings.seed + 1))
    await torment(settings, possible, clients, tormentor)
    await clients.stop()
    history.write({ what: 'heal' })
    await drain(cluster, file, settings.stallMs ?? STALL_MS)
    await cluster.close()
    return []
  } catch (error) {
    if (!(error instanceof NotUp)) throw error
    await cluster.destroy()
    return [{ kind: 'liveness', says: error.message }]
  }
}

/** Makes the database with sound sources: a plant is to show under load, not to keep servers from starting. */
async function makeDatabase(file: string): Promise<void> {
  const store = new SqliteStore(file, { clock: systemClock, chance: systemChance })
  await store.open()
  await store.close()
}

function isPossible(name: FaultName, disk: Disk): boolean {
  if (process.platform === 'win32' && (name === 'stop' || name === 'term')) return false
  if (name === 'full disk') return disk.canFill
  return name !== 'failed sync' || disk.canFailSync
}

/** What this machine does not allow, by name, with the reason. */
function skippedHere(wanted: readonly FaultName[], disk: Disk): readonly string[] {
  const skipped = disk.skipped.filter((name) => wanted.some((fault) => name.startsWith(fault)))
  const signals = wanted.filter((name) => !isPossible(name, disk) && (name === 'stop' || name === 'term'))
  return [
    ...skipped,
    ...signals.map((name) => `${name}: this system has no such signal`),
    ...(process.platform === 'linux' ? [] : ['memory: this system has no /proc']),
  ]
}

async function torment(
  settings: RunSettings,
  names: readonly FaultName[],
  clients: Clients,
  tormentor: Tormentor,
): Promise<void> {
  const {
    seed,
    servers,
    tasks = 0,
    kills = 0,
    seconds = 0,
    inflictions = 0,
    pauseMs = PAUSE_MS,
    tasksBetween = 0,
  } = settings
  // What was asked for is not possible on this machine, and the report says so.
  if (names.length === 0) return
  const plan = planFaults(seededChance(seed), names, servers, pauseMs)
  const startedMs = nowMs()
  let acknowledged = 0
  let lastMs = nowMs()
  for (let inflicted = 0; ; inflicted++) {
    const isDone =
      clients.acknowledged >= tasks &&
      tormentor.kills >= kills &&
      inflicted >= inflictions &&
      nowMs() - startedMs >= seconds * 1_000
    if (isDone || nowMs() - lastMs > SILENCE_MS_MAX) return
    if (clients.acknowledged > acknowledged) {
      acknowledged = clients.acknowledged
      lastMs = nowMs()
    }
    if (tasksBetween > 0) await clients.more(tasksBetween, SILENCE_MS_MAX)
    await tormentor.inflict(plan.next().value)
  }
}

/** Waits until nothing is left to do, or until nothing of what is left gets done any more. */
async function drain(cluster: Cluster, file: string, stallMs: number): Promise<void> {
  await cluster.allUp()
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
