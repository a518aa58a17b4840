import type { Database } from './database.ts'
import { LOG_PAGES } from './open-database.ts'

/**
 * So many pages in the log that are not in the database yet are worth moving: half of what makes a writer move them itself
 * (`LOG_PAGES`), so that it finds only the last few.
 */
const PAGES = LOG_PAGES / 2

/**
 * Moves the log into the database, as far as no transaction is in the way. Waits for the disk, but holds up nobody who
 * writes. It cannot begin the log anew: with a steady writer that takes the writer itself.
 */
export function moveLog(db: Database): void {
  const { log, checkpointed } = db.sql('log_size').get() as { log: number; checkpointed: number }
  if (log - checkpointed >= PAGES) db.sql('move_log').get()
}
