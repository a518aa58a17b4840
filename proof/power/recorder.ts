import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Where the recorder can be built, its library; else why not, and whether this machine should have been able to. */
export type Built =
  | { readonly library: string }
  | { readonly skipped: string; readonly because: 'no compiler' | 'other system' }

/** Builds `recorder.c` into that folder. Throws when there is a compiler and it refuses the source. */
export function buildRecorder(folder: string): Built {
  if (process.platform !== 'linux') {
    return { skipped: `the recorder is for Linux, and this is ${process.platform}`, because: 'other system' }
  }
  const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0)
  if (compiler === undefined) return { skipped: 'there is no C compiler', because: 'no compiler' }
  const library = join(folder, 'recorder.so')
  const source = join(import.meta.dirname, 'recorder.c')
  const args = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, source, '-ldl', '-lpthread']
  const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${compiler} does not build recorder.c:\n${stderr}`)
  return { library }
}

/** What the recorder is told, as the environment of the program that it is loaded into. */
export interface RecorderOrders {
  readonly library: string
  /** What is recorded, with every link resolved. */
  readonly folder: string
  readonly log?: string
  /** True: syncs do nothing, as on a disk that lies. */
  readonly lies?: boolean
  /** How long a sync takes, in microseconds. */
  readonly syncUs?: number
  /** The file through which faults are ordered. */
  readonly orders?: string
}

/** The environment that loads the recorder. */
export function recorderEnvironment(orders: RecorderOrders): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: orders.library,
    RECORDER_FOLDER: orders.folder,
    ...(orders.log === undefined ? {} : { RECORDER_LOG: orders.log }),
    ...(orders.lies === true ? { RECORDER_SYNC: 'lie' } : {}),
    ...(orders.orders === undefined ? {} : { RECORDER_ORDERS: orders.orders }),
    RECORDER_SYNC_US: String(orders.syncUs ?? 0),
    // What goes to the kernel past the C library would be missed.
    UV_USE_IO_URING: '0',
  }
}
