/**
 * Where the database of a run lies, and how its disk is made to fail.
 *
 * A small file system of its own, where mounting is allowed, can be filled for real: it is made as small as what lies on
 * it. Where it is not allowed, a library that is loaded before all others (`faults.c`) lets writes fail as on a full disk.
 * Syncs that fail need that library always. What the machine lacks for either is a fault that is skipped by name.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SIZE_BYTES = 1024 ** 3
const SOURCE = join(import.meta.dirname, 'faults.c')

/** See the top of the file. */
export class Disk {
  /** Everything of a run lies below it; the history lies beside the database's disk, never on it. */
  readonly folder: string
  /** Where the database lies, with everything that goes with it. */
  readonly data: string
  readonly #isMounted: boolean
  readonly #library: string | undefined

  /** @param faults  false: nothing will be injected, and nothing is mounted or built. */
  constructor(faults: boolean) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'afterword-crash-')))
    this.data = join(this.folder, 'data')
    mkdirSync(this.data)
    this.#isMounted = faults && mount(this.data)
    this.#library = faults ? build(join(this.folder, 'faults.so')) : undefined
  }

  /** The database. */
  get file(): string {
    return join(this.data, 'tasks.db')
  }

  /** Which faults cannot be injected here, and why. */
  get skipped(): readonly string[] {
    const noCompiler = 'there is no C compiler to build the fault injector with'
    const skipped = []
    if (!this.canFill) skipped.push(`full disk: mounting a tmpfs is not allowed here, and ${noCompiler}`)
    if (!this.canFailSync) skipped.push(`failed sync: ${noCompiler}`)
    return skipped
  }

  get canFill(): boolean {
    return this.#isMounted || this.#library !== undefined
  }

  get canFailSync(): boolean {
    return this.#library !== undefined
  }

  /** What a server at that place is started with, so that faults reach it. */
  env(slot: number): NodeJS.ProcessEnv {
    if (this.#library === undefined) return {}
    const env = { LD_PRELOAD: this.#library, FAULT_SYNC: this.#syncOrder(slot) }
    return this.#isMounted ? env : { ...env, FAULT_FULL: this.#fullOrder }
  }

  /** From here on there is no room for anything more. */
  fill(): void {
    if (!this.#isMounted) return writeFileSync(this.#fullOrder, '')
    // The servers go on writing meanwhile: what is used by now may be more than it was a moment ago.
    for (let tries = 0; tries < 50; tries++) {
      const { blocks, bfree, bsize } = statfsSync(this.data)
      if (remount(this.data, (blocks - bfree + 1) * bsize)) return
    }
    throw new Error('The disk of the database could not be made smaller.')
  }

  /** There is room again. */
  free(): void {
    if (!this.#isMounted) rmSync(this.#fullOrder, { force: true })
    else if (!remount(this.data, SIZE_BYTES)) throw new Error('The disk of the database could not be made larger.')
  }

  /** The next sync of the log fails in the server at that place, once through each of its descriptors. */
  failNextSync(slot: number): void {
    writeFileSync(this.#syncOrder(slot), '')
  }

  /** Whether the fault that was armed there has struck. */
  hasFailed(slot: number): boolean {
    return statSync(this.#syncOrder(slot)).size > 0
  }

  /** Disarms it. */
  spare(slot: number): void {
    rmSync(this.#syncOrder(slot), { force: true })
  }

  /**
   * Copies that file, which lies beside the database, and the database to a folder that stays.
   *
   * @returns the folder.
   */
  keep(beside: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'afterword-crash-evidence-'))
    cpSync(join(this.folder, beside), join(folder, beside))
    cpSync(this.data, folder, { recursive: true })
    return folder
  }

  /** Removes everything, the history too. */
  remove(): void {
    if (this.#isMounted) spawnSync('umount', ['-l', this.data], { stdio: 'ignore' })
    rmSync(this.folder, { recursive: true, force: true })
  }

  get #fullOrder(): string {
    return join(this.folder, 'full')
  }

  #syncOrder(slot: number): string {
    return join(this.folder, `fail-next-sync-${slot}`)
  }
}

function mount(folder: string): boolean {
  if (process.platform !== 'linux') return false
  const options = `size=${SIZE_BYTES}`
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' }).status === 0
}

function remount(folder: string, bytes: number): boolean {
  return spawnSync('mount', ['-o', `remount,size=${bytes}`, folder], { stdio: 'ignore' }).status === 0
}

/** Undefined without a compiler. One that refuses is a defect of ours, not something that the machine lacks. */
function build(library: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  const made = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' })
  if (made.error !== undefined) return undefined
  if (made.status !== 0) throw new Error(`${SOURCE} does not compile: ${made.stderr}`)
  return library
}
