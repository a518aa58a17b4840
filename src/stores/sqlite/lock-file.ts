/**
 * A file that is locked for as long as its process lives.
 *
 * Node has no flock, so SQLite takes the lock: an empty file held by `BEGIN EXCLUSIVE` on a connection of its own. The
 * kernel lets go of it when the process ends, however it ends; pids are not needed, and neither are clocks.
 *
 * POSIX locks belong to a process and an inode, not to a descriptor: closing *any* descriptor of the file drops them.
 * Therefore nothing but SQLite ever opens a lock file. SQLite knows the trap: within one copy of the library all
 * connections to one inode share a table, and a connection to a locked file is not closed before the lock is gone. That
 * table covers worker threads too. The register below covers what it cannot: two copies of Afterword, or of SQLite.
 */
import { renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { isBusy } from './sqlite-errors.ts'

/** What a look at a lock file tells. `unknown`: there is no file, or it cannot be read. */
export type LockState = 'held' | 'free' | 'unknown'

const REGISTER = Symbol.for('afterword.held-lock-files')

/**
 * The lock files of this process with their connections. It hangs on the global object so that two copies of the
 * library in one process see each other's; holding the connections here also keeps the garbage collector from closing
 * them, which would be taken for the death of the process.
 */
function heldHere(): Map<string, DatabaseSync> {
  const home = globalThis as { [REGISTER]?: Map<string, DatabaseSync> }
  return (home[REGISTER] ??= new Map<string, DatabaseSync>())
}

/** One held lock. */
export class LockFile {
  readonly #path: string
  readonly #connection: DatabaseSync

  private constructor(path: string, connection: DatabaseSync) {
    this.#path = path
    this.#connection = connection
  }

  /**
   * Creates the file and locks it, until `release` or the end of the process.
   *
   * A file that exists and is free means death, so it must never be seen between its creation and its lock: it is
   * locked under the name `arriving` and then renamed; a lock belongs to the inode and travels along. Windows does not
   * rename open files; there a probe within that millisecond takes a newcomer for dead. It holds no claims yet and
   * registers again.
   *
   * @throws SQLite's error, or that of `rename`; nothing is left behind then.
   */
  static take(arriving: string, path: string): LockFile {
    const first = process.platform === 'win32' ? path : arriving
    const connection = new DatabaseSync(first, { timeout: 0 })
    try {
      // Nothing is ever written: neither a journal on disk nor a sync is wanted.
      connection.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = 1; BEGIN EXCLUSIVE')
      if (first !== path) renameSync(first, path)
    } catch (error) {
      connection.close()
      // Somebody else's lock on the same incarnation: his file, not ours.
      if (!isBusy(error)) rmSync(first, { force: true })
      throw error
    }
    heldHere().set(path, connection)
    return new LockFile(path, connection)
  }

  /**
   * Removes the file, then the lock: seen from outside the file is held until there is none. Releasing twice is fine.
   *
   * @throws the error of `unlink`, after the lock was let go.
   */
  release(): void {
    if (!this.#connection.isOpen) return
    const windows = process.platform === 'win32'
    try {
      if (!windows) rmSync(this.#path, { force: true })
    } finally {
      this.drop()
    }
    if (windows) rmSync(this.#path, { force: true })
  }

  /** Lets go of the lock and leaves the file: seen from outside its process has died. Dropping twice is fine. */
  drop(): void {
    if (this.#connection.isOpen) this.#connection.close()
    heldHere().delete(this.#path)
  }
}

/**
 * Looks whether somebody holds the lock of a file. Takes about 0.1 ms; leaves nothing open and creates nothing.
 *
 * It asks for a shared lock on a read-only connection: two processes that look at the same moment do not take each
 * other for the holder, as they would if each tried to lock the file for itself.
 */
export function probeLock(path: string): LockState {
  if (heldHere().has(path)) return 'held'
  let connection: DatabaseSync | undefined
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 0 })
    connection.exec('PRAGMA schema_version')
    return 'free'
  } catch (error) {
    return isBusy(error) ? 'held' : 'unknown'
  } finally {
    connection?.close()
  }
}
