import type { DatabaseSync } from 'node:sqlite'
import { type BackgroundTasks, createBackground } from 'afterword'
/** What the compiler knows of the sessions of a request, once it was told of them. Compiled only, never run. */
import { sessions } from './registered.js'

declare const database: DatabaseSync
declare const tasks: BackgroundTasks

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
