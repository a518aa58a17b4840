import type { DatabaseSync } from 'node:sqlite'
import { type BackgroundTasks, createBackground, type SessionProvider } from 'afterword'
import { nodeSqliteSession } from 'afterword/sessions/node-sqlite'
/** What the compiler knows of the sessions of a request, once it was told of them. Compiled only, never run. */

declare const database: DatabaseSync
declare const tasks: BackgroundTasks

class Orders {
  readonly count: number = 0
}
declare const orders: SessionProvider<Orders>

const sessions = { db: nodeSqliteSession(database), orders }
declare module 'afterword' {
  interface Register {
    sessions: typeof sessions
  }
}

createBackground({ sessions })
// @ts-expect-error -- the database itself is no provider.
createBackground({ sessions: { db: database } })

const db: DatabaseSync = await tasks.session.db
const { count } = await tasks.session.orders
count satisfies number
// @ts-expect-error -- no provider has that name.
await tasks.session.second
// @ts-expect-error -- a session is a promise.
tasks.session.db.prepare('')
db.close()
