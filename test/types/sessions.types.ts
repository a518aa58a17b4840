import { type AnyTaskDefinition, createBackground, defineTask, type SessionProvider } from 'afterword'
/** What the compiler knows of `context.session` where nothing is registered. Compiled only, never run. */
import { z } from 'zod'

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

interface Database {
  query(sql: string): Promise<readonly string[]>
}
interface Files {
  read(path: string): string
}
declare const database: SessionProvider<Database>
declare const files: SessionProvider<Files>

// ── Those of the definition ───────────────────────────────────────────────────────────────────────────────────────────

const charge = defineTask({
  name: 'charge',
  thread: true,
  sessions: { db: database, files },
  async run(input: { readonly id: string }, context) {
    same<typeof input, { readonly id: string }>(true)
    same<typeof context.session.db, Promise<Database>>(true)
    const db = await context.session.db
    same<typeof db, Database>(true)
    const read = (await context.session.files).read('x')
    same<typeof read, string>(true)
    // @ts-expect-error -- there is no session of that name.
    void context.session.dB
    // @ts-expect-error -- a session is asked for by its name, not set.
    context.session.db = Promise.resolve(db)
    const [first] = await db.query(input.id)
    return first
  },
})

// With a schema, and the context taken apart.
const refund = defineTask({
  name: 'refund',
  input: z.object({ cents: z.number().transform(String) }),
  sessions: { db: database },
  run: async ({ cents }, { session, add }) => {
    const rows = await (await session.db).query(cents)
    const { id } = add(charge, { id: cents })
    // @ts-expect-error -- what is added is checked like anywhere else.
    add(charge, { id: 7 })
    return { rows, id }
  },
})

defineTask({
  name: 'wrong',
  // @ts-expect-error -- a provider is an object with `open`, such as pgSession(pool).
  sessions: { db: { library: 'x' } },
  run: () => undefined,
})

// A definition without input, whose `run` has none.
defineTask({ name: 'none', sessions: { db: database }, run: async (_, { session }) => (await session.db).query('') })

// `sessions: {}` says that it needs none.
defineTask({
  name: 'needs-none',
  onBlock: 'thread',
  sessions: {},
  // @ts-expect-error -- so it has none.
  run: (_, { session }) => session.db,
})

// ── Those of the background, of which the compiler knows nothing ──────────────────────────────────────────────────────

defineTask({
  name: 'unregistered',
  async run(_: undefined, { session }) {
    const db = (await session['db']) as Database
    same<(typeof session)['db'], Promise<unknown>>(true)
    return db.query('')
  },
})

// ── Definitions as values ─────────────────────────────────────────────────────────────────────────────────────────────

export const all: readonly AnyTaskDefinition[] = [charge, refund]
createBackground({ sessions: { db: database }, tasks: [charge, refund] })
