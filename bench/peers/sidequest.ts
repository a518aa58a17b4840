import { join } from 'node:path'
import { addAll, type Driver, type OpenDriver, type TaskInput } from '../peer.ts'
import { load } from './load.ts'

interface TaskClass {
  perform: (input: TaskInput) => Promise<void>
}
interface Sidequest {
  configure(options: object): Promise<void>
  start(options: object): Promise<void>
  stop(): Promise<void>
  build(task: TaskClass): { enqueue(input: TaskInput): Promise<unknown> }
}
interface Sqlite {
  pragma(text: string): void
  prepare(sql: string): { all(): Readonly<Record<string, unknown>>[] }
  close(): void
}

const TASK_FILE = new URL('./sidequest-task.ts', import.meta.url).href

/** In this process, its tasks in this thread, SQLite in WAL: as it comes it does about fifty tasks a second. */
function settings(folder: string): object {
  const afterCreate = (database: Sqlite, done: (error: null, database: Sqlite) => void): void => {
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    done(null, database)
  }
  const config = {
    client: 'better-sqlite3',
    connection: { filename: join(folder, 'sidequest.db') },
    pool: { min: 1, max: 1, afterCreate },
    useNullAsDefault: true,
  }
  return {
    backend: {
      driver: '@sidequest/sqlite-backend',
      config,
    },
    logger: { level: 'error' },
    manualJobResolution: true,
    jobsFilePath: TASK_FILE,
    queues: [
      {
        name: 'default',
        concurrency: 50,
      },
    ],
    gracefulShutdown: false,
    dashboard: { enabled: false },
    fork: false,
    runner: 'inline',
    jobPollingInterval: 5,
    maxConcurrentJobs: 50,
  }
}

/** Its stop takes away whatever listens to the signals of the process, whoever put it there; here it is put back. */
async function stop(sidequest: Sidequest): Promise<void> {
  const listeners = SIGNALS.map((signal) => ({ signal, kept: process.listeners(signal) }))
  await sidequest.stop()
  for (const { signal, kept } of listeners) {
    for (const listener of kept) process.on(signal, listener)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** The numbers of the tasks that have not ended. */
async function stored(folder: string): Promise<number[]> {
  const { default: Database } = await load<{ default: new (file: string) => Sqlite }>('better-sqlite3')
  const database = new Database(join(folder, 'sidequest.db'))
  const rows = database.prepare("SELECT args FROM sidequest_jobs WHERE state <> 'completed'").all()
  database.close()
  return rows.map(({ args }) => (JSON.parse(String(args)) as [TaskInput])[0].n)
}

/** Sidequest on SQLite, tuned. */
export const sidequest: Driver = {
  name: 'sidequest',
  says: 'SQLite, WAL, synchronous=NORMAL, in process, inline runner, poll 5 ms, 50 at once',
  survives: 'process',
  packages: ['sidequest', 'better-sqlite3'],
  drains: 500,
  clear: () => Promise.resolve(),

  async prepare({ folder }) {
    const { Sidequest } = await load<{ Sidequest: Sidequest }>('sidequest')
    await Sidequest.start(settings(folder))
    await stop(Sidequest)
  },

  async open({ folder }): Promise<OpenDriver> {
    const { Sidequest } = await load<{ Sidequest: Sidequest }>('sidequest')
    const { SendWelcome } = await load<{ SendWelcome: TaskClass }>(TASK_FILE)
    await Sidequest.configure(settings(folder))
    const add = (input: TaskInput): Promise<unknown> => Sidequest.build(SendWelcome).enqueue(input)
    return {
      add,
      addMany: (inputs) => addAll(add, inputs),
      work: async (run) => {
        SendWelcome.perform = run
        await Sidequest.start(settings(folder))
      },
      left: async () => (await stored(folder)).length,
      close: () => stop(Sidequest),
    }
  },

  stored: ({ folder }) => stored(folder),
}
