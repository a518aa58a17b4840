/** What a worker costs that has nothing to do: CPU of one core, and how often it asks its store. */
import { Child } from './child.ts'
import { Field, OURS, PEERS } from './contenders.ts'
import type { PeerSettings } from './peer-process.ts'
import type { Driver, Place } from './peer.ts'
import { wait } from './peer.ts'
import type { Report, Row } from './report.ts'
import type { BenchSettings } from './settings.ts'
import type { Ask, Usage } from './slice.ts'
import { median } from './statistics.ts'

interface Idler {
  readonly name: string
  readonly child: Child
  readonly counts: boolean
  readonly cpuPercent: number[]
  readonly statementsPerSecond: number[]
  rssBytes: number
}

/** The benchmark: everybody idles at the same time, which disturbs nobody's CPU time. */
export async function benchIdle(settings: BenchSettings): Promise<Report> {
  const field = await Field.open(settings)
  const idlers: Idler[] = []
  const start = async (name: string, driver: Driver, place: Place): Promise<void> => {
    const isOurs = driver === OURS.power
    const worker: PeerSettings = { driver: driver.name, place, works: true, counts: isOurs }
    const { child } = await Child.start('./peer-process.ts', [JSON.stringify(worker)])
    idlers.push({
      name,
      child,
      counts: isOurs,
      rssBytes: 0,
      cpuPercent: [],
      statementsPerSecond: [],
    })
  }
  try {
    await start('afterword', OURS.power, await field.place(OURS.power))
    const shared = await field.place(OURS.power)
    await start('afterword, two workers on one file: first', OURS.power, shared)
    await start('afterword, two workers on one file: second', OURS.power, shared)
    await field.each(PEERS, async (driver) => start(driver.name, driver, await field.place(driver)))
    // What a start leaves behind is not idling.
    await wait(Math.min(3000, settings.seconds * 1000))
    let before = await usages(idlers)
    for (let round = 0; round < settings.rounds; round++) {
      const begun = performance.now()
      await wait(settings.seconds * 1000)
      const after = await usages(idlers)
      const ms = performance.now() - begun
      for (const [index, idler] of idlers.entries()) {
        idler.cpuPercent.push((after[index]!.cpuMicros - before[index]!.cpuMicros) / 10 / ms)
        idler.statementsPerSecond.push(((after[index]!.statements - before[index]!.statements) / ms) * 1000)
        idler.rssBytes = after[index]!.rssBytes
      }
      before = after
    }
    const [single] = idlers as [Idler]
    return {
      bench: 'idle',
      figures: [
        { key: 'idle.cpu_percent', says: 'one idle worker, percent of a core', rounds: single.cpuPercent },
        { key: 'idle.statements_per_second', says: 'what it asks of SQLite', rounds: single.statementsPerSecond },
      ],
      tables: [{ title: `Idle for ${settings.rounds} × ${settings.seconds} s`, rows: idlers.map(rowOf) }],
      skipped: field.skipped.filter(({ what }) => !what.startsWith('floor')),
      wrong: [],
      doubts: [],
    }
  } finally {
    for (const { child } of idlers) await child.stop()
    await field.close()
  }
}

function usages(idlers: readonly Idler[]): Promise<Usage[]> {
  return Promise.all(idlers.map(({ child }) => child.ask<Usage>({ do: 'usage' } satisfies Ask)))
}

function rowOf({ name, counts, cpuPercent, statementsPerSecond, rssBytes }: Idler): Row {
  return {
    worker: name,
    '% of one core': Number(median(cpuPercent).toFixed(3)),
    'statements/s': counts ? Number(median(statementsPerSecond).toFixed(2)) : '–',
    'RSS MiB': Math.round(rssBytes / 2 ** 20),
  }
}
