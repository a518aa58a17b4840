import type { SqlRow } from '../model/session.ts'
import { systemChance, systemClock } from '../ports/system.ts'

/*
 * SQLite lets one transaction write at a time, and its own way to wait for the others stops the event loop, and with it the
 * very transaction that it waits for if that is one of this process. So its wait is switched off for the moment of the
 * beginning, and the waiting is done here: every 1 to 3 ms, at random, for ten seconds at most.
 */

/** So long a transaction waits for others to end theirs, in milliseconds. */
const WAIT_MS_MAX = 10_000

/** What an SQLite connection can do at once, whatever the library. */
export interface SqliteBeginning {
  /** Begins a transaction that writes. Throws when it has to wait for somebody. */
  begin(): void
  /** The time that SQLite itself would wait, on the event loop, in milliseconds. */
  busyTimeoutMs(): number
  setBusyTimeout(ms: number): void
}

/**
 * Begins a transaction as soon as no other connection writes, and lets the event loop turn meanwhile.
 *
 * @throws what the library says when it is still busy after ten seconds, and what else it throws.
 */
export async function beginWhenFree(connection: SqliteBeginning): Promise<void> {
  await untilBegun((isLast) => attempt(connection, isLast))
}

/**
 * The same for a library that has begun a transaction which does not write yet, and whose statements are asynchronous: makes
 * one of it that writes. Nothing may have been done in it. When that fails the transaction is as it was.
 *
 * @param run  runs a statement on the connection.
 * @throws as {@link beginWhenFree}.
 */
export async function writeWhenFree(run: (sql: string) => Promise<readonly SqlRow[]>): Promise<void> {
  await run('ROLLBACK')
  try {
    await untilBegun((isLast) => attemptBy(run, isLast))
  } catch (error) {
    await run('BEGIN')
    throw error
  }
}

async function untilBegun(attempt: (isLast: boolean) => boolean | Promise<boolean>): Promise<void> {
  const begunMs = systemClock.monotonicMs()
  while (!(await attempt(systemClock.monotonicMs() - begunMs > WAIT_MS_MAX))) {
    await new Promise<void>((resolve) => systemClock.after(1 + systemChance.fraction() * 2, resolve, true))
  }
}

/** False when somebody is in the way. */
function attempt(connection: SqliteBeginning, isLast: boolean): boolean {
  const timeoutMs = connection.busyTimeoutMs()
  if (timeoutMs > 0) connection.setBusyTimeout(0)
  try {
    connection.begin()
    return true
  } catch (error) {
    if (!isLast && isBusy(error)) return false
    throw error
  } finally {
    if (timeoutMs > 0) connection.setBusyTimeout(timeoutMs)
  }
}

/** False when somebody is in the way. */
async function attemptBy(run: (sql: string) => Promise<readonly SqlRow[]>, isLast: boolean): Promise<boolean> {
  const timeoutMs = Number((await run('PRAGMA busy_timeout'))[0]?.['timeout'])
  if (timeoutMs > 0) await run('PRAGMA busy_timeout = 0')
  try {
    await run('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if (!isLast && isBusy(error)) return false
    throw error
  } finally {
    if (timeoutMs > 0) await run(`PRAGMA busy_timeout = ${timeoutMs}`)
  }
}

/** `node:sqlite` tells the number, the low byte of which counts; the others tell its name. */
function isBusy(error: unknown): boolean {
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown }
  return (
    (typeof errcode === 'number' && errcode % 256 === SQLITE_BUSY) ||
    (typeof code === 'string' && code.startsWith('SQLITE_BUSY'))
  )
}

const SQLITE_BUSY = 5
