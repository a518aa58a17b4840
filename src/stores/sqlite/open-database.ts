import { DatabaseSync } from 'node:sqlite'
import { AfterwordError } from '../../model/errors.ts'
import { toStoreError } from './sqlite-errors.ts'
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './migrations.ts'
import { statements } from './statements.ts'

/** Recovery and the change to WAL may meet another process that does the same; then, and only then, SQLite may wait. */
const OPEN_TIMEOUT_MS = 5_000
const CACHE_KIB = 16_384

/** Opens the file, or memory, with every setting that matters set and read back. Throws a coded error. */
export function openDatabase(file: string | undefined): DatabaseSync {
  const name = file ?? ':memory:'
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(name, { timeout: OPEN_TIMEOUT_MS })
    if (file !== undefined) {
      refuseForeign(db, file)
      setting(db, 'journal_mode', 'WAL', 'wal')
      setting(db, 'synchronous', 'NORMAL', 1)
      // Stronger flushes where the plain one stops at the disk's cache; no effect elsewhere than on macOS.
      db.exec('PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1')
    }
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA mmap_size = 0; PRAGMA trusted_schema = 0`)
    migrate(db, name)
    db.exec('PRAGMA busy_timeout = 0')
    return db
  } catch (error) {
    db?.close()
    throw error instanceof AfterwordError ? error : toStoreError(error, name)
  }
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function setting(db: DatabaseSync, name: string, value: string, expected: unknown): void {
  db.exec(`PRAGMA ${name} = ${value}`)
  const got = pragma(db, name)
  if (got !== expected) throw new Error(`PRAGMA ${name} is ${String(got)} instead of ${String(expected)}`)
}

function refuseForeign(db: DatabaseSync, file: string): void {
  const id = pragma(db, 'application_id')
  if (id === APPLICATION_ID) return
  const { count } = db.prepare(statements.is_empty).get() as { count: number }
  if (count > 0 || id !== 0) throw new AfterwordError('STORE_NOT_OURS', { file })
}

/**
 * Brings the schema up to date under the write lock, each step in one transaction with its version. A file from a newer
 * release is used as it is when that release says that ours may, else refused. A step that older workers would not
 * survive is refused while one of them is registered.
 */
function migrate(db: DatabaseSync, file: string): void {
  for (;;) {
    db.exec(statements.begin)
    try {
      const version = pragma(db, 'user_version') as number
      if (version > SCHEMA_VERSION) acceptNewer(db, file, version)
      const step = MIGRATIONS.find((migration) => migration.version > version)
      if (step !== undefined) {
        if (version > 0) refuseOlderWorkers(db, file, step.compatibleFrom)
        db.exec(step.sql)
        db.prepare(statements.set_compatibility).run(step.compatibleFrom)
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${step.version}`)
      }
      db.exec(statements.commit)
      if (step === undefined) return
    } catch (error) {
      if (db.isTransaction) db.exec(statements.rollback)
      throw error
    }
  }
}

function acceptNewer(db: DatabaseSync, file: string, version: number): void {
  const { from_version: from } = db.prepare(statements.compatibility).get() as { from_version: number }
  if (from > SCHEMA_VERSION) throw new AfterwordError('STORE_NEWER', { file, version, known: SCHEMA_VERSION })
}

function refuseOlderWorkers(db: DatabaseSync, file: string, compatibleFrom: number): void {
  const older = db.prepare(statements.older_workers).all(compatibleFrom) as unknown as { name: string; pid: number; version: string }[]
  if (older.length === 0) return
  const workers = older.map((worker) => `${worker.name} (process ${worker.pid}, version ${worker.version})`).join(', ')
  throw new AfterwordError('STORE_IN_USE_BY_OLDER', { file, workers })
}
