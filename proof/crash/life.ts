/** The life of a run, whatever its servers do: load and faults, then peace until all is done, then a stop in order. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededChance } from '../support/chance.ts'
import type { Clients } from './clients.ts'
import { type Cluster, NotUp } from './cluster.ts'
import type { Violation } from './evidence.ts'
import { type FaultName, planFaults } from './faults.ts'
import { LiveCount } from './final-database.ts'
import { type HistoryWriter, nowMs } from './history.ts'
import type { Tormentor } from './tormentor.ts'

const DRAIN_LOOK_MS = 50
/** Longer than every delay and every wait of a retry, and than a lease. */
const STALL_MS = 10_000
/** Nobody was answered for so long: the run goes no further. */
const SILENCE_MS_MAX = 30_000
const NO_PAUSE = { min: 0, max: 1 }

/** What a life is told. It ends when every bound that is given is reached. */
export interface LifeSettings {
  readonly seed: number
  readonly servers: number
  /** Bounds: acknowledged tasks, kills, and seconds. */
  readonly tasks: number | undefined
  readonly kills: number | undefined
  readonly seconds: number | undefined
  /** Another bound: how many faults are carried out. */
  readonly inflictions?: number | undefined
  /** The pause before a fault, from the moment when all servers are up. */
  readonly pauseMs?: { readonly min: number; readonly max: number } | undefined
  /** Each fault waits, besides its pause, for so many more acknowledged tasks, so that it meets something. */
  readonly tasksBetween?: number | undefined
  /** Nothing has ended for so long after the faults healed: what is left never will. */
  readonly stallMs?: number | undefined
}

/** Who lives it. */
export interface Life {
  readonly settings: LifeSettings
  readonly possible: readonly FaultName[]
  readonly cluster: Cluster
  readonly clients: Clients
  readonly crowd: { readonly clients: number; readonly pauseMs: number }
  readonly tormentor: Tormentor
  readonly history: HistoryWriter
  /** The database of the store. */
  readonly file: string
  /** What is done when all tasks have come to rest; true when that gives them more to do. */
  afterwards?(): Promise<boolean>
}

/** Lives it. Says when servers did not come up for it. */
export async function live(life: Life): Promise<Violation[]> {
  const { settings, cluster, clients, crowd, history, file } = life
  const stallMs = settings.stallMs ?? STALL_MS
  try {
    clients.start(crowd.clients, crowd.pauseMs, seededChance(settings.seed + 1))
    await torment(life)
    await clients.stop()
    history.write({ what: 'heal' })
    await drain(cluster, file, stallMs)
    if ((await life.afterwards?.()) === true) await drain(cluster, file, stallMs)
    await cluster.close()
    return []
  } catch (error) {
    if (!(error instanceof NotUp)) throw error
    await cluster.destroy()
    return [{ kind: 'liveness', says: error.message }]
  }
}

async function torment({ settings, possible, clients, tormentor }: Life): Promise<void> {
  const { seed, servers, tasks = 0, kills = 0, seconds = 0, inflictions = 0, tasksBetween = 0 } = settings
  // What was asked for is not possible on this machine, and the report says so.
  if (possible.length === 0) return
  const plan = planFaults(seededChance(seed), possible, servers, settings.pauseMs ?? NO_PAUSE)
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
