import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Incarnation } from '../../model/task.ts'

/** A unix socket's path takes 103 bytes on macOS and 107 on Linux (sun_path, less the closing zero). */
const SOCKET_PATH_BYTES_MAX = 103

/**
 * The names by which the processes that share a database file find each other: `<db>.d/<incarnation>.lock` and
 * `<db>.d/<incarnation>.sock`. Every process works out the same names by itself; nothing is stored.
 */
export class PresenceFolder {
  readonly path: string
  /** Stands for the database where a name must be short. */
  readonly #fingerprint: string

  /** @param file  the database file with every symbolic link resolved: the name is the identity. */
  constructor(file: string) {
    this.path = `${file}.d`
    this.#fingerprint = createHash('sha256').update(file).digest('hex').slice(0, 16)
  }

  /**
   * Makes the folder, for this user only, when it is missing.
   *
   * @throws the error of `mkdir`.
   */
  make(): void {
    try {
      mkdirSync(this.path, { mode: 0o700 })
    } catch (error) {
      if (!this.exists()) throw error
    }
  }

  exists(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.isDirectory() === true
  }

  lockFile(incarnation: Incarnation): string {
    return join(this.path, `${incarnation}.lock`)
  }

  /** What a lock file is called until its lock is held. */
  arrivingFile(incarnation: Incarnation): string {
    return join(this.path, `${incarnation}.arriving`)
  }

  /**
   * Where an incarnation listens: beside its lock, or among the temporary files when that path is too long, or at a
   * named pipe on Windows. Processes with different folders for temporary files do not meet there, and live by polling.
   */
  socket(incarnation: Incarnation): string {
    const short = `afterword-${this.#fingerprint}-${incarnation}`
    if (process.platform === 'win32') return `\\\\.\\pipe\\${short}`
    const beside = join(this.path, `${incarnation}.sock`)
    return Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX ? beside : join(tmpdir(), `${short}.sock`)
  }

  /** Every incarnation of which a file is there, alive or dead, in no order. Empty when the folder cannot be read. */
  incarnations(): ReadonlySet<Incarnation> {
    const found = new Set<Incarnation>()
    for (const name of this.#names()) {
      const match = /^(\d{1,15})\.(?:lock|sock|arriving)$/.exec(name)
      if (match) found.add(Number(match[1]))
    }
    return found
  }

  /**
   * Removes what an incarnation left behind. The lock goes last: while it is there, another sweep finds the rest.
   *
   * @throws the error of `unlink`; a file that is not there is no error.
   */
  remove(incarnation: Incarnation): void {
    if (process.platform !== 'win32') rmSync(this.socket(incarnation), { force: true })
    rmSync(this.arrivingFile(incarnation), { force: true })
    rmSync(this.lockFile(incarnation), { force: true })
  }

  /** Removes the folder when nobody is in it any more. */
  removeIfEmpty(): void {
    try {
      rmdirSync(this.path)
    } catch {
      // Somebody is in it, or it is gone: both are fine.
    }
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.path)
    } catch {
      return []
    }
  }
}
