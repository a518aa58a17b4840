import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../src/ports/clock.ts'
import { systemClock } from '../../src/ports/system.ts'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'

/**
 * Moves the log into the database after that many pages. The store leaves SQLite's own interval, a thousand; a small one
 * gives small images and many cuts in the middle of a checkpoint. A connection is not reachable from outside, so it is
 * told where it is made.
 */
export function checkpointEvery(pages: number): void {
  const exec = Reflect.get(DatabaseSync.prototype, 'exec')
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    exec.call(this, sql)
    if (sql === 'PRAGMA journal_mode = WAL') exec.call(this, `PRAGMA wal_autocheckpoint = ${pages}`)
  }
}

/**
 * A clock by which the disk is as fast, or as slow, as the mode needs: the store measures it at open and chooses by itself.
 * Once `opened` was called it is the real one.
 */
export function clockFor(mode: SyncMode): { readonly clock: Clock; readonly opened: () => void } {
  let looks = 0
  let opening = true
  const measured = (): number => (mode === 'async' ? looks++ : 0)
  const monotonicMs = (): number => (opening ? measured() : systemClock.monotonicMs())
  return { clock: { ...systemClock, monotonicMs }, opened: () => (opening = false) }
}

/** So many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
}
