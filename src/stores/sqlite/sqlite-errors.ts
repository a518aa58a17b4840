/**
 * What an error of `node:sqlite` means for the store.
 *
 * SQLite answers with a result code: the low byte is the kind, the bits above it the circumstance. `node:sqlite` hands
 * it over as `errcode` on an error whose `code` is `ERR_SQLITE_ERROR`. Only numbers are read: messages are for people.
 *
 * Which codes a full disk produces was measured on tmpfs and on ext4, at every free size from 0 to 60 pages: a write to
 * the database or its log says FULL; growing the shared-memory file (at open, and once per 4096 log frames) says
 * IOERR_SHMSIZE. Both pass as soon as there is room again, with the same connection.
 *
 * @source "Result and Error Codes", https://www.sqlite.org/rescode.html
 */
import { AfterwordError } from '../../model/errors.ts'

const PERM = 3
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const PROTOCOL = 15
const CONSTRAINT = 19
const AUTH = 23
const NOTADB = 26

/** CANTOPEN is also what SQLite says when descriptors or inodes have run out: its message is all there is to show. */
const NOT_WRITABLE: ReadonlySet<number> = new Set([PERM, READONLY, CANTOPEN, AUTH])

/** The shared-memory file could not grow: the disk is full. Nothing was written. */
const IOERR_SHMSIZE = IOERR | (19 << 8)
/** A row with that key is there already. */
const CONSTRAINT_PRIMARYKEY = CONSTRAINT | (6 << 8)
/** The database file was moved or deleted under the connection: what is written goes nowhere. */
const READONLY_DBMOVED = READONLY | (4 << 8)

/** SQLite's message for all of these is "disk I/O error"; the circumstance is what an operator needs. */
const IO_CIRCUMSTANCES: Readonly<Record<number, string>> = {
  1: 'reading',
  2: 'reading past the end',
  3: 'writing',
  4: 'syncing',
  5: 'syncing the folder',
  6: 'truncating',
  7: 'reading the size',
  8: 'unlocking',
  9: 'locking',
  10: 'deleting',
  12: 'running out of memory',
  15: 'locking',
  18: 'opening the shared-memory file',
  20: 'locking the shared-memory file',
  21: 'mapping the shared-memory file',
  33: 'reading what the file system itself calls corrupt',
}

/**
 * SQLite's extended result code, for example 5 (BUSY), 517 (BUSY_SNAPSHOT) or 1034 (IOERR_FSYNC).
 *
 * @returns undefined when the error does not come from SQLite.
 */
export function sqliteResultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_SQLITE_ERROR') return undefined
  return 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined
}

/** True when an insert found the key of one of its rows taken; none of its rows is there then. */
export function isTakenKey(error: unknown): boolean {
  return sqliteResultCode(error) === CONSTRAINT_PRIMARYKEY
}

/**
 * True when another connection is in the way and the same call may succeed in a moment: BUSY in all its variants,
 * LOCKED, and PROTOCOL, which is a lost race for the log's index.
 */
export function isBusy(error: unknown): boolean {
  const kind = kindOf(error)
  return kind === BUSY || kind === LOCKED || kind === PROTOCOL
}

/** True when the disk is full. The transaction is gone, the connection is as good as before. */
export function isFull(error: unknown): boolean {
  return kindOf(error) === FULL || sqliteResultCode(error) === IOERR_SHMSIZE
}

/**
 * True when the store must stop at once and promise nothing more: input/output errors, a damaged file, a file that was
 * moved away, and any failure of our own sync. After a failed sync the next write *succeeds* although earlier pages are
 * lost, so carrying on would acknowledge work that is not there. A full disk, a busy file and a file without
 * permission are not fatal: nothing was written, and nothing that was acknowledged is in doubt.
 */
export function isFatal(error: unknown): boolean {
  if (isFailedSync(error)) return true
  if (isFull(error)) return false
  const kind = kindOf(error)
  return kind === IOERR || kind === CORRUPT || kind === NOTADB || sqliteResultCode(error) === READONLY_DBMOVED
}

/**
 * The error to show for `error`, which is kept as its `cause`. An Afterword error comes back as it is.
 *
 * @param error  what SQLite, or a sync of the log through `node:fs`, threw.
 * @param file   the database file, as the application named it.
 * @param waitedMs  how long the caller waited for a busy file, in milliseconds; only STORE_BUSY shows it.
 * @returns STORE_FULL, STORE_BUSY, STORE_CORRUPT or STORE_NOT_WRITABLE; STORE_FAILED for input/output errors, failed
 *   syncs and whatever has no better name, a mistake of ours included: its reason and cause tell them apart.
 * @throws never.
 */
export function toStoreError(error: unknown, file: string, waitedMs = 0): AfterwordError {
  if (error instanceof AfterwordError) return error
  const cause = { cause: error }
  if (isFull(error)) return new AfterwordError('STORE_FULL', { file }, cause)
  if (isBusy(error)) return new AfterwordError('STORE_BUSY', { file, waitedMs: Math.round(waitedMs) }, cause)
  const kind = kindOf(error)
  const reason = reasonOf(error)
  if (kind === CORRUPT || kind === NOTADB) return new AfterwordError('STORE_CORRUPT', { file, reason }, cause)
  const code = kind !== undefined && NOT_WRITABLE.has(kind) ? 'STORE_NOT_WRITABLE' : 'STORE_FAILED'
  return new AfterwordError(code, { file, reason }, cause)
}

function kindOf(error: unknown): number | undefined {
  const code = sqliteResultCode(error)
  return code === undefined ? undefined : code & 0xff
}

/** A sync asked for through `node:fs`, whatever its errno: ENOSPC at a sync also means that written pages are lost. */
function isFailedSync(error: unknown): boolean {
  if (!(error instanceof Error) || !('syscall' in error)) return false
  return error.syscall === 'fdatasync' || error.syscall === 'fsync'
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code = sqliteResultCode(error)
  if (code === undefined) return message
  const circumstance = (code & 0xff) === IOERR ? IO_CIRCUMSTANCES[code >> 8] : undefined
  return `${message}${circumstance === undefined ? '' : ` while ${circumstance}`} (SQLite result ${code})`
}
