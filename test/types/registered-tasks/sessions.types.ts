import { createBackground, defineTask, type SessionProvider } from 'afterword'
/**
 * What the compiler knows of `context.session` once the sessions of the background are registered: that counts for a whole program,
 * so it is compiled by itself. Never run.
 */

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

interface Database {
  query(sql: string): Promise<readonly string[]>
}
interface Replica {
  read(sql: string): Promise<readonly string[]>
}
declare const sessions: { readonly db: SessionProvider<Database>; readonly cache: SessionProvider<Map<string, string>> }
declare const replica: SessionProvider<Replica>

declare module 'afterword' {
  interface Register {
    sessions: typeof sessions
  }
}

// ── Registered alone ──────────────────────────────────────────────────────────────────────────────────────────────────

const plain = defineTask({
  name: 'plain',
  async run(id: string, context) {
    same<typeof context.session.db, Promise<Database>>(true)
    same<typeof context.session.cache, Promise<Map<string, string>>>(true)
    const db = await context.session.db
    // @ts-expect-error -- nothing of that name is registered.
    void context.session.replica
    return db.query(id)
  },
})

// ── Registered, and of the definition ─────────────────────────────────────────────────────────────────────────────────

const both = defineTask({
  name: 'both',
  sessions: { replica },
  async run(id: string, { session }) {
    same<typeof session.replica, Promise<Replica>>(true)
    same<typeof session.db, Promise<Database>>(true)
    // @ts-expect-error -- neither has that name.
    void session.other
    return (await session.replica).read(id)
  },
})

// One of its own takes the place of the one of that name.
const own = defineTask({
  name: 'own',
  sessions: { db: replica },
  async run(id: string, { session }) {
    same<typeof session.db, Promise<Replica>>(true)
    same<typeof session.cache, Promise<Map<string, string>>>(true)
    return (await session.db).read(id)
  },
})

createBackground({ sessions, tasks: [plain, both, own] })
