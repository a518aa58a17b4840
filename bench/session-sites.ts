/**
 * The databases in which attempts of `session` write, and the same insert on each of them: through the session of the attempt, and
 * by hand, as somebody writes it who looks after the connection, the rollback and the wait for the lock.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SessionProvider } from 'afterword'
import { nodeSqliteSession } from 'afterword/sessions/node-sqlite'
import type { Place } from './peer.ts'
import type { SiteName } from './session-slice.ts'

/** A database, and the ways to write to it. */
export interface Site {
  readonly sessions: { readonly db: SessionProvider }
  /** The one statement of an attempt, through what `context.session.db` gives. */
  readonly insert: (handle: unknown, n: number) => Promise<void>
  /** The same in a transaction by hand; nothing tells afterwards that it was done. */
  readonly byHand: (n: number) => Promise<void>
  /** With a row beside it that lets a task through once, whatever happens. */
  readonly onceByHand: (n: number, id: string) => Promise<void>
  rows(): Promise<number>
  close(): Promise<void>
}

/** Sessions that can be open at once, and tasks that run at once. */
export const AT_ONCE = 10
/** What an attempt writes. */
export const TEXT = 'someone@example.org has been sent the template welcome'

/** Opens a site, with its tables. */
export async function openSite(name: SiteName, place: Place, store: string): Promise<Site> {
  // Loaded where it is used: the others need no package.
  if (name === 'postgres') return (await import('./session-postgres.ts')).openPostgres(place)
  return openSqlite(name === 'store' ? store : join(place.folder, 'application.db'))
}

function openSqlite(file: string): Site {
  const db = new DatabaseSync(file, { timeout: 5_000 })
  db.exec('PRAGMA journal_mode = WAL')
  db.exec('CREATE TABLE effect (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT')
  db.exec('CREATE TABLE done (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID')
  const insert = (over: DatabaseSync, n: number): void => {
    over.prepare('INSERT INTO effect (n, text) VALUES (?, ?)').run(n, TEXT)
  }
  const inTransaction = (work: () => void): void => {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
  return {
    sessions: { db: nodeSqliteSession(db) },
    insert: async (handle, n) => insert(handle as DatabaseSync, n),
    byHand: async (n) => inTransaction(() => insert(db, n)),
    onceByHand: async (n, id) =>
      inTransaction(() => {
        const { changes } = db.prepare('INSERT INTO done (id) VALUES (?) ON CONFLICT DO NOTHING').run(id)
        if (changes === 1) insert(db, n)
      }),
    rows: async () => Number(db.prepare('SELECT count(*) AS count FROM effect').get()!['count']),
    close: async () => db.close(),
  }
}
