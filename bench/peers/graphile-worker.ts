import type { Driver, OpenDriver, Place, TaskInput } from '../peer.ts'
import { load } from './load.ts'
import { ask, loadPg } from './postgres.ts'

interface Utils {
  migrate(): Promise<void>
  addJob(name: string, payload: TaskInput): Promise<unknown>
  addJobs(entries: readonly { readonly identifier: string; readonly payload: TaskInput }[]): Promise<unknown>
  release(): Promise<void>
}
interface Graphile {
  readonly Logger: new (factory: () => () => void) => unknown
  readonly makeWorkerUtils: (options: object) => Promise<Utils>
  readonly run: (options: object) => Promise<{ stop(): Promise<void> }>
}

/** What its page on performance says. */
const WORKER = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
}

/**
 * A database of its own: its workers end when anybody migrates anything of Graphile Worker's in theirs, another benchmark or
 * another schema of this one.
 */
function home({ postgres, name }: Place): string {
  const url = new URL(postgres)
  url.pathname = `/${name}`
  return url.href
}

/** Graphile Worker with batching on. */
export const graphileWorker: Driver = {
  name: 'graphile-worker',
  says: 'Postgres, concurrentJobs 24, localQueue 500, batched completion',
  survives: 'power',
  needs: 'postgres',
  packages: ['graphile-worker', 'pg'],
  drains: 10_000,

  async prepare(place) {
    await ask(place.postgres, `CREATE DATABASE ${place.name}`)
    const { makeWorkerUtils, Logger } = await load<Graphile>('graphile-worker')
    const logger = new Logger(() => () => undefined)
    const utils = await makeWorkerUtils({ connectionString: home(place), logger })
    await utils.migrate()
    await utils.release()
  },

  async open(place): Promise<OpenDriver> {
    const { makeWorkerUtils, run: runWorker, Logger } = await load<Graphile>('graphile-worker')
    const { Pool } = await loadPg()
    const logger = new Logger(() => () => undefined)
    const pool = new Pool({ connectionString: home(place), max: 10 })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => client.on('error', () => undefined))
    const utils = await makeWorkerUtils({ pgPool: pool, logger })
    const count = 'SELECT count(*)::int AS count FROM graphile_worker._private_jobs'
    let runner: { stop(): Promise<void> } | undefined
    return {
      add: (payload) => utils.addJob('send-welcome', payload),
      addMany: (inputs) => utils.addJobs(inputs.map((payload) => ({ identifier: 'send-welcome', payload }))),
      work: async (run) => {
        runner = await runWorker({
          preset: { worker: { connectionString: home(place), logger, ...WORKER } },
          taskList: { 'send-welcome': async (input: TaskInput) => run(input) },
          noHandleSignals: true,
        })
      },
      left: async () => (await pool.query<{ count: number }>(count)).rows[0]!.count,
      close: async () => {
        await runner?.stop()
        await utils.release()
        await pool.end()
      },
    }
  },

  async stored(place) {
    const rows = await ask<{ payload: TaskInput }>(home(place), 'SELECT payload FROM graphile_worker._private_jobs')
    return rows.map(({ payload }) => payload.n)
  },

  clear: async ({ postgres, name }) => void (await ask(postgres, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
}
