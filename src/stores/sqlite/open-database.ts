import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AfterwordError, isAfterwordError } from '../../model/errors.ts'
import type { Incarnation } from '../../model/task.ts'
import { probeLock } from './lock-file.ts'
import { APPLICATION_ID, type Migration, MIGRATIONS } from './migrations.ts'
import { PresenceFolder } from './presence-folder.ts'
import { toStoreError } from './sqlite-errors.ts'
import { statements } from './statements.ts'
import { checkAfterUncleanStop } from './unclean-stop.ts'
import { BUSY, untilFree, type WaitParts } from './until-free.ts'

const CACHE_KIB = 16_384

/**
 * With so many pages in the log the connection that commits moves them into the database, and its event loop waits for the
 * disk meanwhile: 4 to 5 ms for 1,000 pages. A pulse thread moves most of them before that (move-log.ts), so it may be
 * more than SQLite's own 1,000: fewer pages are moved twice.
 */
export const LOG_PAGES = 4_000

/**
 * Opens the file, or memory, with every setting that matters set and read back. Throws a coded error.
 *
 * @param migrations  the steps of the schema; a test of migrations brings its own.
 */
export function openDatabase(file: string | undefined, migrations: readonly Migration[] = MIGRATIONS): DatabaseSync {
  const name = file ?? ':memory:'
  let db: DatabaseSync | undefined
  try {
    if (file !== undefined) refuseLost(file)
    db = new DatabaseSync(name, { timeout: 0 })
    if (file !== undefined) {
      refuseForeign(db, file)
      db.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`)
      setting(db, 'journal_mode', 'WAL', 'wal')
      setting(db, 'synchronous', 'NORMAL', 1)
      // Stronger flushes where the plain one stops at the disk's cache; no effect elsewhere than on macOS.
      db.exec('PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1')
    }
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA mmap_size = 0; PRAGMA trusted_schema = 0`)
    migrate(db, name, migrations)
    return db
  } catch (error) {
    db?.close()
    throw error instanceof AfterwordError ? error : toStoreError(error, name)
  }
}

interface OlderWorker {
  readonly incarnation: Incarnation
  readonly name: string
  readonly pid: number
  readonly version: string
}

/**
 * Like {@link openDatabase}, and waits while another process recovers the file, makes it, or closes it as the last one.
 * A file that nobody closed is looked through first.
 */
export async function openSharedDatabase(
  file: string,
  parts: WaitParts,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<DatabaseSync> {
  checkAfterUncleanStop(file)
  const attempt = (): DatabaseSync | typeof BUSY => {
    try {
      return openDatabase(file, migrations)
    } catch (error) {
      if (isAfterwordError(error, 'STORE_BUSY')) return BUSY
      throw error
    }
  }
  return untilFree(attempt, file, parts.clock.monotonicMs(), parts)
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function setting(db: DatabaseSync, name: string, value: string, expected: unknown): void {
  db.exec(`PRAGMA ${name} = ${value}`)
  const got = pragma(db, name)
  if (got !== expected) throw new Error(`PRAGMA ${name} is ${String(got)} instead of ${String(expected)}`)
}

/**
 * SQLite throws away the log of a database that is empty or gone, and with it what was acknowledged and not yet moved.
 * The log is looked at first: a file that another process makes at this moment has its first page before its log.
 */
function refuseLost(file: string): void {
  const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (sizeOf(`${file}-wal`) === 0 || sizeOf(file) > 0) return
  throw new AfterwordError('STORE_CORRUPT', { file, reason: 'it is empty or gone, but its log (-wal) holds tasks' })
}

function refuseForeign(db: DatabaseSync, file: string): void {
  // In this order: another process may make the schema, which brings the id, between the two.
  const { count } = db.prepare(statements.is_empty).get() as { count: number }
  const id = pragma(db, 'application_id')
  if (id === APPLICATION_ID) return
  if (count > 0 || id !== 0) throw new AfterwordError('STORE_NOT_OURS', { file })
}

/**
 * Brings the schema up to date under the write lock, each step in one transaction with its version. A file from a newer
 * release is used as it is when that release says that ours may, else refused. A step that older workers would not
 * survive is refused while one of them is registered.
 */
function migrate(db: DatabaseSync, file: string, migrations: readonly Migration[]): void {
  const known = migrations.at(-1)?.version ?? 0
  // Without the lock first: a file that is up to date, the usual one, disturbs nobody who writes.
  for (let version = versionOf(db); version !== known; version = versionOf(db)) {
    if (version > known) return acceptNewer(db, file, version, known)
    db.exec(statements.begin)
    try {
      const version = versionOf(db)
      const step = migrations.find((migration) => migration.version > version)
      if (step !== undefined) take(db, file, version, step)
      db.exec(statements.commit)
    } catch (error) {
      if (db.isTransaction) db.exec(statements.rollback)
      throw error
    }
  }
}

function versionOf(db: DatabaseSync): number {
  return pragma(db, 'user_version') as number
}

function take(db: DatabaseSync, file: string, version: number, step: Migration): void {
  if (version > 0) refuseOlderWorkers(db, file, step.compatibleFrom)
  db.exec(step.sql)
  db.prepare(statements.set_compatibility).run(step.compatibleFrom)
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${step.version}`)
}

function acceptNewer(db: DatabaseSync, file: string, version: number, known: number): void {
  const { from_version: from } = db.prepare(statements.compatibility).get() as { from_version: number }
  if (from > known) throw new AfterwordError('STORE_NEWER', { file, version, known })
}

/** Workers that still run; the row of one whose process is gone is left to the rescue. */
function refuseOlderWorkers(db: DatabaseSync, file: string, compatibleFrom: number): void {
  const presence = new PresenceFolder(file)
  const registered = db.prepare(statements.older_workers).all(compatibleFrom) as unknown as OlderWorker[]
  const older = registered.filter(({ incarnation }) => probeLock(presence.lockFile(incarnation)) !== 'free')
  if (older.length === 0) return
  const workers = older.map((worker) => `${worker.name} (process ${worker.pid}, version ${worker.version})`).join(', ')
  throw new AfterwordError('STORE_IN_USE_BY_OLDER', { file, workers })
}
