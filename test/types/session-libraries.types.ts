import type { DatabaseSync } from 'node:sqlite'
import { defineTask, type SessionProvider } from 'afterword'
import { betterSqlite3Session } from 'afterword/sessions/better-sqlite3'
import { type KnexSession, knexSession } from 'afterword/sessions/knex'
import { kyselySession, nodeSqliteDatabase } from 'afterword/sessions/kysely'
import { nodeSqliteSession } from 'afterword/sessions/node-sqlite'
import type Database from 'better-sqlite3'
import type { Knex } from 'knex'
import { type Generated, type Kysely, SqliteDialect, type Transaction } from 'kysely'
import type { Pool } from 'mysql2'
import type pg from 'pg'
/** What the compiler knows in `run` of the sessions of query builders and of SQLite connections. Compiled only, never run. */

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

interface Tables {
  charge: { id: Generated<number>; cents: number; note: string | null }
}
declare const kysely: Kysely<Tables>
declare const knex: Knex
declare const database: DatabaseSync
declare const better: Database.Database
declare const pool: pg.Pool
declare const mysqlPool: Pool

// ── The tables of Kysely reach run ────────────────────────────────────────────────────────────────────────────────────

export const charge = defineTask({
  name: 'charge',
  sessions: { db: kyselySession(kysely), reading: kyselySession(kysely, { transaction: false }) },
  async run(cents: number, context) {
    const db = await context.session.db
    same<typeof db, Transaction<Tables>>(true)
    const { id } = await db.insertInto('charge').values({ cents }).returning('id').executeTakeFirstOrThrow()
    same<typeof id, number>(true)
    // @ts-expect-error -- no table has that name.
    db.selectFrom('charges')
    // @ts-expect-error -- that column is a number.
    db.insertInto('charge').values({ cents: 'many' })
    // @ts-expect-error -- who began it ends it.
    await db.commit().execute()
    const reading = await context.session.reading
    same<typeof reading, Kysely<Tables>>(true)
    // A function that takes any of both takes the session.
    const total = (of: Kysely<Tables>) => of.selectFrom('charge').select('cents').execute()
    return (await total(db)).length + (await total(reading)).length
  },
})

kyselySession(kysely, { pool, isolation: 'serializable' })
kyselySession(kysely, { pool: mysqlPool })
kyselySession(kysely, { database, outcomes: false })
// @ts-expect-error -- the pool is no Kysely.
kyselySession(pool)
// @ts-expect-error -- no isolation level has that name.
kyselySession(kysely, { isolation: 'snapshot' })
// @ts-expect-error -- a connection of another library.
kyselySession(kysely, { database: better })
export const dialect = new SqliteDialect({ database: nodeSqliteDatabase(database) })

// ── Knex ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const knexes = { db: knexSession(knex), reading: knexSession(knex, { transaction: false }) }
same<typeof knexes, { db: SessionProvider<KnexSession>; reading: SessionProvider<Knex> }>(true)
declare const trx: KnexSession
const rows: { cents: number }[] = await trx<{ cents: number }>('charge').select('cents')
rows satisfies readonly object[]
// @ts-expect-error -- who began it ends it.
trx.commit()
// A function that takes a Knex takes the session.
export const count = (of: Knex) => of('charge').count()
await count(trx)

// ── Connections of SQLite ─────────────────────────────────────────────────────────────────────────────────────────────

same<ReturnType<typeof nodeSqliteSession>, SessionProvider<DatabaseSync>>(true)
same<ReturnType<typeof betterSqlite3Session>, SessionProvider<Database.Database>>(true)
betterSqlite3Session(better, { transaction: false })
// @ts-expect-error -- no option has that name.
betterSqlite3Session(better, { isolation: 'serializable' })
// @ts-expect-error -- a connection of another library.
nodeSqliteSession(better)
