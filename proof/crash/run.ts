/**
 * One run: servers on one file, clients that write down every answer, a tormentor, and at the end the checkers that read
 * the record. Everything that chance decides comes from the seed; what real processes do between is theirs.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKERS } from './checkers/all.ts'
import { Clients } from './clients.ts'
import { Cluster } from './cluster.ts'
import { Disk } from './disk.ts'
import { Evidence } from './evidence.ts'
import { FAULTS, type FaultName } from './faults.ts'
import { readFinalDatabase } from './final-database.ts'
import { HistoryWriter, readHistory } from './history.ts'
import { type LifeSettings, live } from './life.ts'
import { makeDatabase } from './make-database.ts'
import { makeReport, type Report } from './report.ts'
import { Tormentor } from './tormentor.ts'
import { type PlannedTask, planOf } from './workload.ts'

/** How long workers of the run may be silent, how often they say that they live, and how often they look for work. */
const LIFE = { lease: 1_500, beat: 300, poll: 250, grace: 120 }
/** Clients take a break between two requests, so that servers keep up with what is added while others are dead. */
const CROWD = { clients: 12, pauseMs: 4 }
const PAUSE_MS = { min: 0, max: 300 }
const MEMORY_EVERY_MS = 250

/** What a run is told. */
export interface RunSettings extends LifeSettings {
  /** A fault that is planted into the sources that the servers load. */
  readonly plant?: string | undefined
  /** What the tormentor may do. By default everything that this machine allows. */
  readonly faults?: readonly FaultName[] | undefined
  /** The share of tasks that take long, from 0 to 1. */
  readonly longShare?: number | undefined
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
    program: 'server.ts',
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
    const trouble = await live({
      settings: { pauseMs: PAUSE_MS, ...settings },
      possible,
      cluster,
      clients,
      crowd: CROWD,
      tormentor,
      history,
      file: disk.file,
    })
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
