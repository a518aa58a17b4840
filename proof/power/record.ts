import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'
import { planted } from '../zoo/planted.ts'
import type { Image } from './disk.ts'
import { recorderEnvironment } from './recorder.ts'
import { type Happening, readRecording } from './recording.ts'

/** What is recorded. */
export interface RecordPlan {
  readonly library: string
  /** Where everything about this recording is kept; made here. */
  readonly home: string
  readonly mode: SyncMode
  /** True: recording begins when there is a database; false: with nothing. */
  readonly prepared: boolean
  readonly lives: number
  readonly rounds: number
  readonly seed: number
  readonly lies?: boolean | undefined
  readonly plant?: string | undefined
}

/** A recording with what was on the disk before it. */
export interface Recording {
  readonly happenings: readonly Happening[]
  readonly before: Image
}

/** Longer than a sync takes in memory, so that others write meanwhile. */
const ASYNC_SYNC_US = 400
const WORKLOAD_MS_MAX = 120_000

/** Runs the workload under the recorder and reads what it did. Throws when the workload fails. */
export async function recordWorkload(plan: RecordPlan): Promise<Recording> {
  const root = join(plan.home, 'root')
  mkdirSync(root, { recursive: true })
  if (plan.prepared) await prepare(join(root, 'data', 'tasks.db'))
  cpSync(root, join(plan.home, 'before'), { recursive: true })
  const { execArgv, env } = planted(plan.plant)
  const log = join(plan.home, 'log')
  const { library, lies = false } = plan
  const syncUs = plan.mode === 'async' ? ASYNC_SYNC_US : 0
  const child = fork(
    join(import.meta.dirname, 'workload.ts'),
    [root, plan.mode, plan.lives, plan.rounds, plan.seed].map(String),
    {
      execArgv,
      env: { ...env, ...recorderEnvironment({ library, folder: root, log, lies, syncUs }), AFTERWORD_LOG: 'error' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: WORKLOAD_MS_MAX,
    },
  )
  let said = ''
  child.stderr!.on('data', (data) => (said += String(data)))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code !== 0) throw new Error(`The workload ended with ${code ?? signal}:\n${said}`)
  rmSync(root, { recursive: true })
  return readHome(plan.home)
}

/** Reads a recording that was kept. Throws when there is none. */
export function readHome(home: string): Recording {
  if (!existsSync(join(home, 'log'))) throw new Error(`There is no recording in ${home}.`)
  const before = join(home, 'before')
  const files = globSync('**/*', { cwd: before }).filter((path) => statSync(join(before, path)).isFile())
  return {
    happenings: readRecording(join(home, 'log')),
    before: new Map(files.map((path) => [path, readFileSync(join(before, path))])),
  }
}

/** How often the log was synced on the loop and off it: tells whether the wanted mode was the one that ran. */
export function syncsOf({ happenings }: Recording): { readonly onLoop: number; readonly offLoop: number } {
  const logs = new Set(
    happenings.flatMap((each) => (each.kind === 'open' && each.path.endsWith('-wal') ? [each.file] : [])),
  )
  const begun = happenings.filter((each) => each.kind === 'sync-begin').filter(({ file }) => logs.has(file))
  const onLoop = begun.filter(({ mainThread }) => mainThread).length
  return { onLoop, offLoop: begun.length - onLoop }
}

async function prepare(file: string): Promise<void> {
  const store = new SqliteStore(file, { clock: systemClock, chance: systemChance, sync: 'inline' })
  await store.open()
  await store.close()
}
