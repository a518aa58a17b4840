import type { Driver, OpenDriver, Place, TaskInput } from '../peer.ts'
import { load } from './load.ts'
import { ask } from './postgres.ts'

interface Boss {
  on(event: 'error', listener: (error: Error) => void): void
  start(): Promise<unknown>
  stop(options: { readonly graceful: boolean }): Promise<void>
  createQueue(name: string, options: object): Promise<void>
  send(name: string, data: TaskInput): Promise<unknown>
  insert(name: string, entries: readonly { readonly data: TaskInput }[]): Promise<unknown>
  work(
    name: string,
    options: object,
    run: (entries: readonly { readonly data: TaskInput }[]) => Promise<void>,
  ): Promise<unknown>
}

const WORK = { batchSize: 1000, burstWhenBatchFull: true, localConcurrency: 3, pollingIntervalSeconds: 0.5 }

async function makeBoss(place: Place, more: object = {}): Promise<Boss> {
  const { PgBoss } = await load<{ PgBoss: new (options: object) => Boss }>('pg-boss')
  const boss = new PgBoss({ connectionString: place.postgres, schema: place.name, useListenNotify: true, ...more })
  boss.on('error', (error) => console.error(`pg-boss: ${error.message}`))
  await boss.start()
  return boss
}

/** pg-boss with the best settings of a sweep. */
export const pgBoss: Driver = {
  name: 'pg-boss',
  says: 'Postgres, batchSize 1000, burstWhenBatchFull, localConcurrency 3, LISTEN/NOTIFY, poll 0.5 s',
  survives: 'power',
  needs: 'postgres',
  packages: ['pg-boss', 'pg'],
  drains: 10_000,

  async prepare(place) {
    const boss = await makeBoss(place)
    await boss.createQueue('bench', { notify: true })
    await boss.stop({ graceful: false })
  },

  async open(place): Promise<OpenDriver> {
    const boss = await makeBoss(place)
    const count = `SELECT count(*)::int AS count FROM ${place.name}.job WHERE state <> 'completed'`
    return {
      add: (input) => boss.send('bench', input),
      addMany: (inputs) =>
        boss.insert(
          'bench',
          inputs.map((data) => ({ data })),
        ),
      work: async (run) => {
        await boss.work('bench', WORK, async (entries) => {
          await Promise.all(entries.map(({ data }) => run(data)))
        })
      },
      left: async () => (await ask<{ count: number }>(place.postgres, count))[0]!.count,
      close: () => boss.stop({ graceful: false }),
    }
  },

  async stored({ postgres, name }) {
    const rows = await ask<{ data: TaskInput }>(postgres, `SELECT data FROM ${name}.job WHERE state <> 'completed'`)
    return rows.map(({ data }) => data.n)
  },

  clear: async ({ postgres, name }) => void (await ask(postgres, `DROP SCHEMA IF EXISTS ${name} CASCADE`)),
}
