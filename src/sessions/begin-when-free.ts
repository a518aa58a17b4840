import { systemChance, systemClock } from '../ports/system.ts'

/** So long a transaction waits for others to end theirs, in milliseconds. */
const WAIT_MS_MAX = 10_000

/** What an SQLite connection can do at once, whatever the library. */
export interface SqliteBeginning {
  /** Begins a transaction that writes. Throws when it has to wait for somebody. */
  begin(): void
  isBusy(error: unknown): boolean
  /** The time that SQLite itself would wait, on the event loop, in milliseconds. */
  busyTimeoutMs(): number
  setBusyTimeout(ms: number): void
}

/**
 * Begins a transaction as soon as no other connection writes, and lets the event loop turn meanwhile: SQLite's own wait would
 * stop it, and with it the very transaction that it waits for, if that is one of this process. Tries every 1 to 3 ms, at random.
 *
 * @throws what the library says when it is still busy after ten seconds, and what else it throws.
 */
export async function beginWhenFree(connection: SqliteBeginning): Promise<void> {
  const begunMs = systemClock.monotonicMs()
  while (!attempt(connection, systemClock.monotonicMs() - begunMs > WAIT_MS_MAX)) {
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
    if (!isLast && connection.isBusy(error)) return false
    throw error
  } finally {
    if (timeoutMs > 0) connection.setBusyTimeout(timeoutMs)
  }
}
