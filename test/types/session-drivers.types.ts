import { defineTask } from 'afterword'
import { drizzleSession } from 'afterword/sessions/drizzle'
import { pgSession } from 'afterword/sessions/pg'
import { postgresJsSession } from 'afterword/sessions/postgres-js'
import Sqlite from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle as onSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as onMysql2 } from 'drizzle-orm/mysql2'
import { drizzle as onPg, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as onPostgresJs } from 'drizzle-orm/postgres-js'
import { sqliteTable, text as sqliteText } from 'drizzle-orm/sqlite-core'
import mysql from 'mysql2/promise'
import pg from 'pg'
import postgres from 'postgres'
/** What the compiler knows of the sessions of pg, postgres.js and Drizzle. Compiled only, never run. */

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

const users = pgTable('users', { id: integer().primaryKey(), name: text() })
const notes = sqliteTable('notes', { id: sqliteText().primaryKey() })
const pool = new pg.Pool()
const sql = postgres({ types: { point: { to: 600, from: [600], serialize: String, parse: (x: string) => [x] } } })
const sqlite = onSqlite(new Sqlite(), { schema: { notes } })

// ── pg ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

defineTask({
  name: 'pg',
  sessions: { db: pgSession(pool, { isolation: 'serializable' }) },
  async run(_: undefined, context) {
    const db = await context.session.db
    const { rows } = await db.query<{ id: number }>('SELECT id FROM users WHERE id = $1', [1])
    same<typeof rows, { id: number }[]>(true)
    // @ts-expect-error -- the client is given back by the session.
    db.release()
    // @ts-expect-error -- as it is never closed by who uses it.
    await db.end()
  },
})
// @ts-expect-error -- a client is no pool.
pgSession(new pg.Client())
// @ts-expect-error -- no such option.
pgSession(pool, { isolated: true })
// @ts-expect-error -- no such level.
pgSession(pool, { isolation: 'snapshot' })

// ── postgres.js ───────────────────────────────────────────────────────────────────────────────────────────────────────

defineTask({
  name: 'postgres.js',
  sessions: { db: postgresJsSession(sql), pool: postgresJsSession(sql, { transaction: false }) },
  async run(_: undefined, context) {
    const db = await context.session.db
    const [user] = await db<{ id: number }[]>`SELECT id FROM users`
    same<typeof user, { id: number }>(true)
    // The types of the application are known.
    await db`SELECT ${db.typed.point(['1'])}`
    await db.savepoint((tx) => tx`SELECT 1`)
    // @ts-expect-error -- it is a transaction already.
    await db.begin((tx) => tx`SELECT 1`)
    await (await context.session.pool).begin((tx) => tx`SELECT 1`)
  },
})
// @ts-expect-error -- a pool of pg is none of postgres.js.
postgresJsSession(pool)

// ── Drizzle ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const onServer = onPg(pool, { schema: { users } })

defineTask({
  name: 'drizzle',
  sessions: {
    db: drizzleSession(onServer),
    database: drizzleSession(onServer, { transaction: false }),
    js: drizzleSession(onPostgresJs(sql, { schema: { users } })),
    mysql: drizzleSession(onMysql2(mysql.createPool('mysql://'))),
    sqlite: drizzleSession(sqlite),
  },
  async run(_: undefined, context) {
    const db = await context.session.db
    const found = await db.query.users.findMany()
    same<typeof found, { id: number; name: string | null }[]>(true)
    await db.transaction((tx) => tx.insert(users).values({ id: 1 }))
    // @ts-expect-error -- no such column.
    await db.insert(users).values({ id: 1, surname: 'x' })
    // @ts-expect-error -- no such table.
    await db.query.posts.findMany()
    // A transaction has this, a database has not.
    if (found.length > 9) db.rollback()

    const { js } = context.session
    same<Awaited<ReturnType<Awaited<typeof js>['query']['users']['findMany']>>, typeof found>(true)

    // Its transactions cannot wait, so the handle is the database.
    const local = await context.session.sqlite
    same<typeof local, typeof sqlite>(true)
    local.insert(notes).values({ id: 'a' }).run()

    same<Awaited<typeof context.session.database>, typeof onServer>(true)
    await (await context.session.mysql).execute('SELECT 1')
  },
})

// A database that an application has declared by its type alone.
declare const declared: NodePgDatabase<{ users: typeof users }>
declare const declaredSqlite: BetterSQLite3Database<{ notes: typeof notes }>
defineTask({
  name: 'declared',
  sessions: { db: drizzleSession(declared), sqlite: drizzleSession(declaredSqlite) },
  async run(_: undefined, context) {
    const found = await (await context.session.db).query.users.findMany()
    same<typeof found, { id: number; name: string | null }[]>(true)
    same<Awaited<typeof context.session.sqlite>, typeof declaredSqlite>(true)
  },
})
// @ts-expect-error -- a pool is no database of Drizzle.
drizzleSession(pool)
// @ts-expect-error -- no such option.
drizzleSession(onServer, { isolated: true })
