/**
 * One run of the ledger: servers on one file whose tasks move money, clients that ask for transfers and cancel some, a
 * tormentor, and at the end the checks that read the books. What chance decides comes from the seed.
 */
import { request } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededChance } from '../../support/chance.ts'
import { comesToRest } from '../checkers/comes-to-rest.ts'
import { soundStore } from '../checkers/sound-store.ts'
import { stopsInOrder } from '../checkers/stops-in-order.ts'
import { Clients } from '../clients.ts'
import { Cluster, type Running } from '../cluster.ts'
import { Disk } from '../disk.ts'
import { Evidence, type Violation } from '../evidence.ts'
import type { FaultName } from '../faults.ts'
import { readFinalDatabase } from '../final-database.ts'
import { HistoryWriter, readHistory } from '../history.ts'
import { type LifeSettings, live } from '../life.ts'
import { makeDatabase } from '../make-database.ts'
import { Tormentor } from '../tormentor.ts'
import type { Data, Vault } from './bank.ts'
import { LEDGER_CHECKS } from './checks.ts'
import { LedgerEvidence, readLedgerTasks } from './ledger-evidence.ts'
import { type LedgerReport, makeLedgerReport, skippedReport } from './ledger-report.ts'
import { pgVault } from './pg-bank.ts'
import { type Manner, type PlannedTransfer, transfersOf } from './plan.ts'
import { sqliteVault } from './sqlite-bank.ts'

const LIFE = { lease: 1_500, beat: 300, poll: 250, grace: 1_000 }
/** A server is held for longer than this. Peers look once a second, so that they have found it silent by then. */
const HELD_MS = LIFE.lease + 1_000
const CROWD = { clients: 6, pauseMs: 0 }
/** Clients wait while more transfers than this are to be done, so that kills meet a ledger at work and the end comes soon. */
const BACKLOG_MAX = 300
const BACKLOG_LOOK_MS = 10

/** What the tormentor may do to a ledger. */
export const LEDGER_FAULTS: readonly FaultName[] = [
  'kill one',
  'kill all',
  'kill while starting',
  'kill when written',
  'kill when finished',
  'kill when committed',
  'stop',
  'hold',
  'term',
]

/** What a run of the ledger is told. Its bound `tasks` counts transfers. */
export interface LedgerSettings extends LifeSettings, Manner {
  readonly data: Data
  readonly plant?: string | undefined
  /** By default all of {@link LEDGER_FAULTS}. */
  readonly faults?: readonly FaultName[] | undefined
  /** Whether history and databases stay when something is wrong with them. */
  readonly keeps?: boolean | undefined
}

type PlanOf = (n: number) => readonly PlannedTransfer[]

/** Runs it to the end and judges it. */
export async function ledgerRun(settings: LedgerSettings): Promise<LedgerReport> {
  const disk = new Disk(false)
  const vault = await vaultOf(settings.data, disk)
  try {
    if (vault === undefined) return skippedReport(settings, 'postgres: no server answers at 127.0.0.1:5432')
    await makeDatabase(disk.file)
    await vault.open()
    return await runOn(disk, vault, settings)
  } finally {
    await vault?.remove()
    disk.remove()
  }
}

async function runOn(disk: Disk, vault: Vault, settings: LedgerSettings): Promise<LedgerReport> {
  const { seed, servers, plant, data, trouble, longShare } = settings
  const file = join(disk.folder, 'history')
  const history = new HistoryWriter(file)
  const plan: PlanOf = (n) => transfersOf(seed, n, settings)
  const cluster = new Cluster({
    servers,
    plant,
    history,
    program: 'ledger/server.ts',
    settings: { seed, trouble, longShare, data, address: vault.address, file: disk.file, history: file, ...LIFE },
    env: () => ({}),
  })
  const cutOff = (): void => void [cluster.destroy(), disk.remove()]
  process.once('exit', cutOff)
  try {
    using backlog = new Backlog(disk.file)
    const cancels = new Cancels(plan, cluster, seededChance(seed + 2).below)
    const clients = new Clients(plan, cluster, history, {
      wait: () => backlog.low(),
      kept: (n, ids) => cancels.ask(n, ids),
    })
    const tormentor = new Tormentor({ cluster, clients, disk, history, leaseMs: HELD_MS })
    const notUp = await live({
      settings,
      possible: (settings.faults ?? LEDGER_FAULTS).filter(isPossible),
      cluster,
      clients,
      crowd: CROWD,
      tormentor,
      history,
      file: disk.file,
      afterwards: () => bringBack(cluster, disk.file),
    })
    const evidence = await evidenceOf(disk, vault, data, plan)
    const violations = [...notUp, ...judged(evidence, disk.file)]
    const kept = settings.keeps === true && violations.length > 0 ? disk.keep('history') : undefined
    return makeLedgerReport({ settings, evidence, violations, kills: tormentor.kills, faults: tormentor.done, kept })
  } finally {
    process.off('exit', cutOff)
    await cluster.destroy()
    history.close()
  }
}

async function evidenceOf(disk: Disk, vault: Vault, data: Data, plan: PlanOf): Promise<LedgerEvidence> {
  const lines = readHistory(join(disk.folder, 'history'))
  const tasks = readLedgerTasks(disk.file)
  return new LedgerEvidence({ lines, tasks, books: await vault.read(), data, transfersOf: plan })
}

/** The books by the checks of the ledger, the store and its servers by those that need not know what tasks do. */
function judged(evidence: LedgerEvidence, file: string): readonly Violation[] {
  const ofStore = new Evidence(evidence.record.lines, readFinalDatabase(file), () => [])
  return [
    ...[comesToRest, soundStore, stopsInOrder].flatMap((check) => check(ofStore)),
    ...LEDGER_CHECKS.flatMap((check) => check(evidence)),
  ]
}

/** Windows can end a process, and that is all. */
function isPossible(name: FaultName): boolean {
  return process.platform !== 'win32' || name.startsWith('kill')
}

async function vaultOf(data: Data, disk: Disk): Promise<Vault | undefined> {
  if (data === 'postgres') return pgVault()
  return sqliteVault(data === 'store' ? disk.file : join(disk.data, 'accounts.db'))
}

/** Gives tasks that were set aside after three crashes another life, as an operator would. True when there were any. */
async function bringBack(cluster: Cluster, file: string): Promise<boolean> {
  const isSetAside = readLedgerTasks(file).some(({ state }) => state === 'quarantined')
  if (isSetAside) await ask(await cluster.up(0), 'PUT', '/quarantined')
  return isSetAside
}

/** Looks at how much is left to do. */
class Backlog {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  }

  /** Resolves once there is not too much of it; after some seconds in any case, for a dead ledger does nothing of it. */
  async low(): Promise<void> {
    for (let looks = 0; looks < 500 && this.#live() > BACKLOG_MAX; looks++) await sleep(BACKLOG_LOOK_MS)
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  #live(): number {
    return (this.#database.prepare('SELECT live FROM afterword_counter').get() as { live: number }).live
  }
}

/** Asks for the cancels that are planned, each of any server, the moment the transfer is acknowledged. */
class Cancels {
  readonly #planOf: PlanOf
  readonly #cluster: Cluster
  readonly #pick: (n: number) => number

  constructor(planOf: PlanOf, cluster: Cluster, pick: (n: number) => number) {
    this.#planOf = planOf
    this.#cluster = cluster
    this.#pick = pick
  }

  ask(n: number, ids: readonly string[]): void {
    for (const { step, cancelled } of this.#planOf(n)) {
      if (!cancelled) continue
      const up = this.#cluster.running.filter(({ port, ended }) => port !== undefined && !ended)
      if (up.length > 0) void ask(up[this.#pick(up.length)]!, 'DELETE', `/${ids[step]}`)
    }
  }
}

/** Resolves when it is answered, or never will be. */
function ask({ port }: Running, method: string, path: string): Promise<void> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port, method, path }, (incoming) => incoming.resume().on('close', resolve))
      .on('error', () => resolve())
      .end()
  })
}
