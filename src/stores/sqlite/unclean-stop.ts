import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AfterwordError } from '../../model/errors.ts'
import type { Incarnation } from '../../model/task.ts'
import { probeLock } from './lock-file.ts'
import { PresenceFolder } from './presence-folder.ts'
import { isBusy, toStoreError } from './sqlite-errors.ts'
import { statements } from './statements.ts'

/** Larger files are not looked through at start: it reads every page, some hundred megabytes in a second. */
const CHECKED_BYTES_MAX = 256 * 1024 * 1024

/**
 * Looks through a file whose last user did not close it, before anything is written to it. The last one to close a
 * database removes its log, so a log that is there means that somebody still uses the file or that nobody closed it.
 *
 * The connection is read-only, so that closing it moves nothing from the log into a damaged database.
 *
 * @throws STORE_CORRUPT.
 */
export function checkAfterUncleanStop(file: string): void {
  const bytes = sizeOf(file)
  // SQLite removes the log of an empty database as soon as it opens it: that case is not for this connection.
  if (bytes === 0 || bytes > CHECKED_BYTES_MAX || sizeOf(`${file}-wal`) === 0) return
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 0 })
    if (isInUse(db, file)) return
    const [first] = db.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[]
    if (first === undefined || first.quick_check === 'ok') return
    throw new AfterwordError('STORE_CORRUPT', { file, reason: first.quick_check.replace(/\s+/g, ' ') })
  } catch (error) {
    // Whatever else is in the way, opening says it better, or can do something about it: somebody is at work in the file, or
    // a journal from its making has to be rolled back, which takes a connection that may write.
    const said = toStoreError(error, file)
    if (said.code === 'STORE_CORRUPT') throw said
  } finally {
    db?.close()
  }
}

/** Whether a registered worker lives. False also for a file that has no workers, or is not ours: opening says so. */
function isInUse(db: DatabaseSync, file: string): boolean {
  let workers: { readonly incarnation: Incarnation }[]
  try {
    workers = db.prepare(statements.workers).all() as unknown as { incarnation: Incarnation }[]
  } catch (error) {
    if (isBusy(error)) throw error
    return false
  }
  const presence = new PresenceFolder(file)
  return workers.some(({ incarnation }) => probeLock(presence.lockFile(incarnation)) === 'held')
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
