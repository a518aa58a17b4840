import type { DatabaseSync } from 'node:sqlite'
import { createBackground, defineTask, type SessionProvider } from 'afterword'
/**
 * What the compiler knows of `context.session` once the sessions of the background are registered: that counts for a whole program,
 * so it is compiled by itself. Never run.
 */
import { type Orders, sessions } from './registered.js'

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

interface Replica {
  read(sql: string): Promise<readonly string[]>
}
declare const replica: SessionProvider<Replica>

// ── Registered alone ──────────────────────────────────────────────────────────────────────────────────────────────────

const plain = defineTask({
  name: 'plain',
  async run(sql: string, context) {
    same<typeof context.session.db, Promise<DatabaseSync>>(true)
    same<typeof context.session.orders, Promise<Orders>>(true)
    const db = await context.session.db
    // @ts-expect-error -- nothing of that name is registered.
    void context.session.replica
    return db.prepare(sql).all().length
  },
})

// ── Registered, and of the definition ─────────────────────────────────────────────────────────────────────────────────

const both = defineTask({
  name: 'both',
  sessions: { replica },
  async run(sql: string, { session }) {
    same<typeof session.replica, Promise<Replica>>(true)
    same<typeof session.db, Promise<DatabaseSync>>(true)
    // @ts-expect-error -- neither has that name.
    void session.other
    return (await session.replica).read(sql)
  },
})

// One of its own takes the place of the one of that name.
const own = defineTask({
  name: 'own',
  sessions: { db: replica },
  async run(sql: string, { session }) {
    same<typeof session.db, Promise<Replica>>(true)
    same<typeof session.orders, Promise<Orders>>(true)
    return (await session.db).read(sql)
  },
})

createBackground({ sessions, tasks: [plain, both, own] })
