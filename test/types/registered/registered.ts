import type { DatabaseSync } from 'node:sqlite'
import type { SessionProvider } from 'afterword'
import { nodeSqliteSession } from 'afterword/sessions/node-sqlite'
/** What is registered in this program: once, for all of its files. Compiled only, never run. */

export class Orders {
  readonly count: number = 0
}
declare const database: DatabaseSync
declare const orders: SessionProvider<Orders>

/** The sessions of the background. */
export const sessions = { db: nodeSqliteSession(database), orders }

declare module 'afterword' {
  interface Register {
    sessions: typeof sessions
  }
}
