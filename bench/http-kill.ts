/**
 * What a SIGKILL in mid load loses: every answer carries the number of its task, every task writes its number to a file as
 * it ends. After the kill an acknowledged task must have ended before, or be in the store. Ours is also started again, and
 * then every acknowledged task must have run.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Child } from './child.ts'
import { type Field, OURS, PEERS } from './contenders.ts'
import { FastApi, findFastApi } from './fastapi.ts'
import type { ServerSettings } from './http-server.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import { type Driver, type Place, wait } from './peer.ts'
import type { Row } from './report.ts'
import type { BenchSettings } from './settings.ts'
import { VARIANT_NAMES } from './variants.ts'

const TASK_MS = 10
/** How long the load lasts before the kill, at most. */
const KILLED_AFTER_MS_MAX = 600
const CONNECTIONS = 64

/** What it found. */
export interface Kill {
  readonly rows: readonly Row[]
  /** What was lost although it must not be. */
  readonly wrong: readonly string[]
}

/** Kills each variant once. */
export async function benchKill(field: Field, settings: BenchSettings, generator: Child): Promise<Kill> {
  const wrong: string[] = []
  const rows: Row[] = []
  const killed = async (name: string, driver: Driver | undefined, kind: ServerSettings['kind']): Promise<void> => {
    const place = await field.place(driver ?? OURS.power)
    const log = field.path(`ran-${rows.length}`)
    const server: ServerSettings = { kind, place, log, taskMs: TASK_MS, ...named(kind, driver) }
    const acknowledged = await killInMidLoad(server, settings, generator)
    const ranBefore = numbersIn(log)
    const stored = driver === undefined ? new Set<number>() : new Set(await driver.stored(place))
    const lost = acknowledged.filter((n) => !ranBefore.has(n) && !stored.has(n))
    const isOurs = kind === 'power' || kind === 'process'
    if (isOurs) await runAgain({ kind, place, log }, stored)
    const ranAfter = isOurs ? numbersIn(log) : ranBefore
    const never = acknowledged.filter((n) => !ranAfter.has(n))
    if (isOurs && never.length > 0) wrong.push(`${name}: ${never.length} acknowledged tasks lost by a SIGKILL`)
    const ran = isOurs ? acknowledged.length - never.length : '–'
    rows.push({ variant: name, acknowledged: acknowledged.length, lost: lost.length, 'ran after a restart': ran })
  }
  await killed(VARIANT_NAMES.power, OURS.power, 'power')
  await killed(VARIANT_NAMES.process, OURS.processOnly, 'process')
  if (!settings.peers) return { rows, wrong }
  await killed(VARIANT_NAMES.volatile, undefined, 'volatile')
  await field.each(PEERS, (driver) => killed(driver.name, driver, 'peer'))
  if ('version' in findFastApi()) rows.push(await killFastApi(field, settings, generator))
  return { rows, wrong }
}

function named(kind: ServerSettings['kind'], driver: Driver | undefined): { readonly driver?: string } {
  return kind === 'peer' ? { driver: driver!.name } : {}
}

/** The numbers of the tasks whose answers arrived. */
async function killInMidLoad(
  server: ServerSettings,
  settings: BenchSettings,
  generator: Child,
): Promise<readonly number[]> {
  const { child, ready } = await Child.start<{ port: number }>('./http-server.ts', [JSON.stringify(server)])
  return loadAndKill(ready.port, settings, generator, () => child.kill())
}

async function loadAndKill(
  port: number,
  { seconds }: BenchSettings,
  generator: Child,
  kill: () => Promise<void>,
): Promise<readonly number[]> {
  const groups = [{ path: '/numbered', connections: CONNECTIONS }]
  const order: LoadOrder = { port, ms: 60_000, settleMs: 0, groups, killed: true }
  const loading = generator.ask<LoadResult>(order)
  await wait(Math.min(seconds * 1200, KILLED_AFTER_MS_MAX))
  await kill()
  return (await loading).groups[0]!.acknowledged
}

/** Starts the application again and waits until it has run what was left. */
async function runAgain(
  server: ServerSettings & { readonly place: Place; readonly log: string },
  stored: ReadonlySet<number>,
): Promise<void> {
  const { child } = await Child.start('./http-server.ts', [JSON.stringify(server)])
  for (let looks = 0; looks < 500 && !stored.isSubsetOf(numbersIn(server.log)); looks++) await wait(20)
  await child.stop()
}

async function killFastApi(field: Field, settings: BenchSettings, generator: Child): Promise<Row> {
  const log = field.path('ran-fastapi')
  const server = await FastApi.start({ TASK_MS: String(TASK_MS), TASK_LOG: log })
  const acknowledged = await loadAndKill(server.port, settings, generator, () => server.kill())
  const ran = numbersIn(log)
  const lost = acknowledged.filter((n) => !ran.has(n)).length
  return { variant: 'FastAPI', acknowledged: acknowledged.length, lost, 'ran after a restart': '–' }
}

/** The numbers that a log holds; a last line that the kill cut short counts for nothing. */
function numbersIn(log: string): Set<number> {
  if (!existsSync(log)) return new Set()
  return new Set(readFileSync(log, 'latin1').split('\n').slice(0, -1).map(Number))
}
