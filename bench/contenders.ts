/**
 * Who takes part. Peers are found by name in every process of a benchmark; which of them can run on this machine is found
 * out once, by `Field.open`, and whoever cannot is named with the reason.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { forgetful, power, processOnly } from './afterword.ts'
import { atExit } from './at-exit.ts'
import type { Driver, Place } from './peer.ts'
import { bullmq } from './peers/bullmq.ts'
import { floorPostgres } from './peers/floor-postgres.ts'
import { floorRedis } from './peers/floor-redis.ts'
import { graphileWorker } from './peers/graphile-worker.ts'
import { versionOf } from './peers/load.ts'
import { pgBoss } from './peers/pg-boss.ts'
import { plainjob } from './peers/plainjob.ts'
import { sidequest } from './peers/sidequest.ts'
import type { Contender } from './report.ts'
import { dropLeftovers, findPostgres, type Redis, serverVersions, startRedis } from './servers.ts'

/** What Afterword is, in its variants. */
export const OURS = { power, processOnly, forgetful } as const
/** Libraries for the same purpose. */
export const PEERS: readonly Driver[] = [bullmq, pgBoss, graphileWorker, plainjob, sidequest]
/** What the servers of the peers can do at most, for context. */
export const SERVER_FLOORS: readonly Driver[] = [floorRedis, floorPostgres]

const ALL = new Map([...Object.values(OURS), ...PEERS, ...SERVER_FLOORS].map((driver) => [driver.name, driver]))

/** The driver of that name. */
export function driverOf(name: string): Driver {
  const driver = ALL.get(name)
  if (driver === undefined) throw new Error(`No driver is called ${name}.`)
  return driver
}

/** Something that could not be measured here, and why. */
export interface Skipped {
  readonly what: string
  readonly reason: string
}

/** Why peers do not take part when nobody wanted them. */
export const LEFT_OUT = 'left out by --no-peers'

let placesMade = 0

/** What this machine has for a run: peers that can take part, servers, and a folder for their stores. */
export class Field {
  readonly skipped: Skipped[] = []
  /** Every peer and server floor that can run here. */
  readonly drivers: readonly Driver[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'afterword-bench-'))
  readonly #isTidy = atExit(() => rmSync(this.#folder, { recursive: true, force: true }))
  readonly #redis: Redis | undefined
  readonly #postgres: string | undefined
  readonly #made: { readonly driver: Driver; readonly place: Place }[] = []

  private constructor(redis: Redis | string, postgres: string | Error, wanted: readonly Driver[], missing?: string) {
    this.#redis = typeof redis === 'string' ? undefined : redis
    this.#postgres = typeof postgres === 'string' ? postgres : undefined
    this.drivers = wanted.filter((driver) => {
      const reason =
        missing ??
        packagesMissing(driver) ??
        (driver.needs === 'redis' && typeof redis === 'string' ? redis : undefined) ??
        (driver.needs === 'postgres' && postgres instanceof Error ? postgres.message : undefined)
      if (reason !== undefined) this.skipped.push({ what: driver.name, reason })
      return reason === undefined
    })
  }

  /** Looks for the peers' packages, installs them when they are missing, and for their servers. Without peers: neither. */
  static async open({ peers }: { readonly peers: boolean }): Promise<Field> {
    const wanted = [...PEERS, ...SERVER_FLOORS]
    if (!peers) return new Field(LEFT_OUT, new Error(LEFT_OUT), wanted, LEFT_OUT)
    installPeers()
    const postgres = await findPostgres()
    if (typeof postgres === 'string') await dropLeftovers(postgres)
    return new Field(await startRedis(), postgres, wanted)
  }

  /** Makes an empty store for a driver, to be removed at the end. */
  async place(driver: Driver): Promise<Place> {
    const name = `afterword_bench_${process.pid}_${++placesMade}`
    const folder = mkdtempSync(join(this.#folder, `${driver.name.replaceAll(' ', '-')}-`))
    const place = { folder, name, redisPort: this.#redis?.port ?? 0, postgres: this.#postgres ?? '' }
    this.#made.push({ driver, place })
    await driver.prepare(place)
    return place
  }

  /** Does something with each of these drivers that can take part; one that fails to start is skipped with its reason. */
  async each(drivers: readonly Driver[], start: (driver: Driver) => Promise<void>): Promise<void> {
    for (const driver of this.drivers.filter((driver) => drivers.includes(driver))) {
      try {
        await start(driver)
      } catch (error) {
        this.skipped.push({ what: driver.name, reason: `it did not start: ${(error as Error).message.split('\n')[0]}` })
      }
    }
  }

  /** A file of that name in the folder of this run. */
  path(name: string): string {
    return join(this.#folder, name)
  }

  /** Who takes part besides Afterword, with the versions of its packages and its server. */
  async contenders(): Promise<Contender[]> {
    const servers = await serverVersions(this.#redis?.port, this.#postgres)
    return this.drivers.map(({ name, survives, says, packages, needs }) => ({
      name,
      version: [
        ...packages.map((name) => `${name} ${versionOf(name)}`),
        ...(needs === undefined ? [] : [`${needs} ${servers[needs]}`]),
      ].join(', '),
      survives,
      says,
    }))
  }

  /** Removes every store and stops what was started. */
  async close(): Promise<void> {
    for (const { driver, place } of this.#made) await driver.clear(place)
    await this.#redis?.stop()
    rmSync(this.#folder, { recursive: true, force: true })
    this.#isTidy()
  }
}

/** Why the packages of a driver are not here; undefined when they are. */
export function packagesMissing({ packages }: Driver): string | undefined {
  const missing = packages.filter((name) => versionOf(name) === undefined)
  return missing.length === 0 ? undefined : `${missing.join(', ')} could not be installed into bench/peers`
}

/** Installs the peers beside their drivers, where nobody but the benchmarks looks. */
function installPeers(): void {
  if ([...PEERS, ...SERVER_FLOORS].every((driver) => packagesMissing(driver) === undefined)) return
  console.log('Installing the peers into bench/peers (npm ci) …')
  const folder = join(dirname(fileURLToPath(import.meta.url)), 'peers')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { npm_execpath: npm, npm_node_execpath: node } = process.env
  if (npm?.endsWith('npm-cli.js')) {
    spawnSync(node ?? process.execPath, [npm, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  } else {
    spawnSync('npm', args, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    })
  }
}
