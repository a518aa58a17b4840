import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AfterwordError, isAfterwordError } from '../../model/errors.ts'
import { probeLock } from './lock-file.ts'
import { type Migration, MIGRATIONS, OWN_NAMES_FROM } from './migrations.ts'
import { PresenceFolder } from './presence-folder.ts'
import {
  compatibleFrom,
  isAlone,
  isWithoutTables,
  moveIn,
  olderWorkers,
  pragma,
  setAlone,
  setVersion,
  versionOf,
} from './schema-version.ts'
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

/** What a database is opened with. */
export interface OpenParts {
  /** The application has tables of its own in the file, or will have: by default a file with tables of others is refused. */
  readonly shares?: boolean | undefined
  /** The steps of the schema; a test of migrations brings its own. */
  readonly migrations?: readonly Migration[] | undefined
}

/**
 * Opens the file, or memory, with every setting that matters set and read back.
 *
 * @throws a coded error.
 */
export function openDatabase(file: string | undefined, parts: OpenParts = {}): DatabaseSync {
  const name = file ?? ':memory:'
  let db: DatabaseSync | undefined
  try {
    if (file !== undefined) refuseLost(file)
    db = new DatabaseSync(name, { timeout: 0 })
    if (file !== undefined) {
      if (parts.shares !== true) refuseForeign(db, file)
      db.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`)
      setting(db, 'journal_mode', 'WAL', 'wal')
      setting(db, 'synchronous', 'NORMAL', 1)
      // Stronger flushes where the plain one stops at the disk's cache; no effect elsewhere than on macOS.
      db.exec('PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1')
    }
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA mmap_size = 0; PRAGMA trusted_schema = 0`)
    migrate(db, file, parts)
    return db
  } catch (error) {
    db?.close()
    throw error instanceof AfterwordError ? error : toStoreError(error, name)
  }
}

/**
 * Like {@link openDatabase}, and waits while another process recovers the file, makes it, or closes it as the last one.
 * A file that nobody closed is looked through first.
 */
export async function openSharedDatabase(file: string, parts: WaitParts & OpenParts): Promise<DatabaseSync> {
  checkAfterUncleanStop(file)
  const attempt = (): DatabaseSync | typeof BUSY => {
    try {
      return openDatabase(file, parts)
    } catch (error) {
      if (isAfterwordError(error, 'STORE_BUSY')) return BUSY
      throw error
    }
  }
  return untilFree(attempt, file, parts.clock.monotonicMs(), parts)
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
  // In this order: another process may make the schema, which brings the version, between the two.
  const isEmpty = isWithoutTables(db)
  if (versionOf(db) > 0) return
  if (!isEmpty || pragma(db, 'application_id') !== 0) throw new AfterwordError('STORE_NOT_OURS', { file })
}

/**
 * Brings the schema up to date under the write lock, each step in one transaction with its version. A file from a newer
 * release is used as it is when that release says that ours may, else refused. A step that older workers would not
 * survive is refused while one of them is registered.
 */
function migrate(db: DatabaseSync, file: string | undefined, parts: OpenParts): void {
  const { migrations = MIGRATIONS, shares = false } = parts
  const known = migrations.at(-1)?.version ?? 0
  // Without the lock first: a file that is up to date, the usual one, disturbs nobody who writes.
  let version: number
  while ((version = versionOf(db)) < known) {
    locked(db, () => {
      const step = nextStep(migrations, versionOf(db))
      if (step !== undefined) take(db, file, step, shares)
    })
  }
  if (version > known && compatibleFrom(db, version) > known) {
    throw new AfterwordError('STORE_NEWER', { file: file ?? ':memory:', version, known })
  }
  if (shares && isAlone(db)) locked(db, () => moveIn(db))
}

/** The last one that can be taken from there, and comes from nothing if there is nothing. */
function nextStep(migrations: readonly Migration[], version: number): Migration | undefined {
  const fresh = version === 0 ? migrations.findLast((migration) => migration.fresh !== undefined) : undefined
  return fresh ?? migrations.find((migration) => migration.version > version)
}

function take(db: DatabaseSync, file: string | undefined, step: Migration, shares: boolean): void {
  const version = versionOf(db)
  const isEmpty = version === 0 && isWithoutTables(db)
  if (version > 0 && file !== undefined) refuseOlderWorkers(db, file, version, step.compatibleFrom)
  db.exec(version === 0 ? (step.fresh ?? step.sql) : step.sql)
  setVersion(db, step)
  if (file === undefined || step.version < OWN_NAMES_FROM) return
  if (shares) moveIn(db)
  // Below that version every file was the store's alone.
  else if (isEmpty || (version > 0 && version < OWN_NAMES_FROM)) setAlone(db)
}

function locked(db: DatabaseSync, work: () => void): void {
  db.exec(statements.begin)
  try {
    work()
    db.exec(statements.commit)
  } catch (error) {
    if (db.isTransaction) db.exec(statements.rollback)
    throw error
  }
}

/** Workers that still run; the row of one whose process is gone is left to the rescue. */
function refuseOlderWorkers(db: DatabaseSync, file: string, version: number, compatibleFrom: number): void {
  const presence = new PresenceFolder(file)
  const older = olderWorkers(db, version, compatibleFrom).filter(
    ({ incarnation }) => probeLock(presence.lockFile(incarnation)) !== 'free',
  )
  if (older.length === 0) return
  const workers = older.map((worker) => `${worker.name} (process ${worker.pid}, version ${worker.version})`).join(', ')
  throw new AfterwordError('STORE_IN_USE_BY_OLDER', { file, workers })
}
