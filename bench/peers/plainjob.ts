import { join } from 'node:path'
import type { Driver, OpenDriver, TaskInput } from '../peer.ts'
import { load } from './load.ts'

interface Sqlite {
  prepare(sql: string): { all(): Readonly<Record<string, unknown>>[]; get(): Readonly<Record<string, unknown>> }
  close(): void
}
type NewSqlite = new (file: string, options?: { readonly readonly: boolean }) => Sqlite
interface Queue {
  add(type: string, data: unknown): unknown
  addMany(type: string, data: readonly unknown[]): unknown
  close(): void
}
interface Plainjob {
  readonly better: (database: Sqlite) => unknown
  readonly defineQueue: (options: object) => Queue
  readonly defineWorker: (
    type: string,
    run: (task: { readonly data: string }) => Promise<void>,
    options: object,
  ) => { start(): Promise<void>; stop(): Promise<void> }
}

const QUIET = { error: console.error, warn: () => undefined, info: () => undefined, debug: () => undefined }
const LEFT = 'SELECT count(*) AS count FROM plainjob_jobs WHERE status <> 2'
const STORED = 'SELECT data FROM plainjob_jobs WHERE status <> 2'

/** plainjob looks every 10 ms; it sets WAL and synchronous=NORMAL itself, and runs one task after another. */
export const plainjob: Driver = {
  name: 'plainjob',
  says: 'SQLite, WAL, synchronous=NORMAL (its own choice), poll 10 ms',
  survives: 'process',
  packages: ['plainjob', 'better-sqlite3'],
  drains: 6_000,
  hogs: true,
  prepare: () => Promise.resolve(),
  clear: () => Promise.resolve(),

  async open({ folder }): Promise<OpenDriver> {
    const { better, defineQueue, defineWorker } = await load<Plainjob>('plainjob')
    const { default: Database } = await load<{ default: NewSqlite }>('better-sqlite3')
    const database = new Database(join(folder, 'plainjob.db'))
    const queue = defineQueue({ connection: better(database), logger: QUIET })
    const left = database.prepare(LEFT)
    let worker: { stop(): Promise<void> } | undefined
    return {
      add: async (input) => queue.add('send-welcome', input),
      addMany: async (inputs) => queue.addMany('send-welcome', inputs),
      work: async (run) => {
        const started = defineWorker('send-welcome', async ({ data }) => run(JSON.parse(data) as TaskInput), {
          queue,
          pollIntervall: 10,
          logger: QUIET,
        })
        worker = started
        void started.start()
      },
      left: async () => Number(left.get()['count']),
      close: async () => {
        await worker?.stop()
        queue.close()
      },
    }
  },

  async stored({ folder }) {
    const { default: Database } = await load<{ default: NewSqlite }>('better-sqlite3')
    const database = new Database(join(folder, 'plainjob.db'))
    const rows = database.prepare(STORED).all()
    database.close()
    return rows.map(({ data }) => (JSON.parse(String(data)) as TaskInput).n)
  },
}
