/**
 * Tasks with database sessions of their own, in threads and in child processes. Each of these has its own connections, to the
 * database that `AFTERWORD_TEST_APPLICATION` names. The module starts nothing.
 */
import { DatabaseSync } from 'node:sqlite'
import { defineTask } from '../../../src/define-task.ts'
import type { SessionProvider } from '../../../src/model/session.ts'
import { nodeSqliteSession } from '../../../src/sessions/node-sqlite.ts'
import { inForm, next, tells } from './added-tasks.ts'
import { here } from './isolated-tasks.ts'

/** The application's database, of this thread or process. */
export const database = new DatabaseSync(process.env['AFTERWORD_TEST_APPLICATION']!)
database.exec(
  'CREATE TABLE IF NOT EXISTS effect (id TEXT PRIMARY KEY, cause TEXT REFERENCES effect DEFERRABLE INITIALLY DEFERRED)',
)

/** The effects that were committed, of those whose id begins so. */
export function effects(prefix: string): readonly unknown[] {
  const rows = database.prepare('SELECT id FROM effect WHERE id LIKE ? ORDER BY id').all(`${prefix}%`)
  return rows.map(({ id }) => id)
}

const insert = (db: DatabaseSync, id: string): void => void db.prepare('INSERT INTO effect (id) VALUES (?)').run(id)

const db = nodeSqliteSession(database)

/** Sessions of which one commit goes through and says that it did not, from where on the database cannot be asked for a while. */
function forgetful(): { readonly provider: SessionProvider<DatabaseSync>; arm(): void } {
  let [isArmed, refusals] = [false, 0]
  const provider: SessionProvider<DatabaseSync> = {
    ...db,
    async open() {
      if (refusals-- > 0) throw new Error('no route to host')
      const session = await db.open()
      return {
        ...session,
        async commit() {
          await session.commit()
          if (!isArmed) return
          isArmed = false
          refusals = 1
          throw new Error('connection reset')
        },
      }
    },
  }
  return { provider, arm: () => void (isArmed = true) }
}

function sessionTasks<const Kind extends string>(kind: Kind, how: { thread?: true; isolate?: 'process' }) {
  const once = { ...how, retry: { attempts: 1 } }

  const inserts = defineTask({
    name: `${kind}-inserts`,
    ...once,
    sessions: { db },
    async run(id: string, context) {
      insert(await context.session.db, id)
      return `inserted ${id}`
    },
  })

  const throws = defineTask({
    name: `${kind}-throws`,
    ...once,
    sessions: { db },
    async run(id: string, context) {
      insert(await context.session.db, id)
      throw new RangeError('declined')
    },
  })

  // Nothing satisfies its reference when it is committed.
  const violates = defineTask({
    name: `${kind}-violates`,
    ...once,
    sessions: { db },
    async run(id: string, context) {
      const session = await context.session.db
      session.prepare('INSERT INTO effect VALUES (?, ?)').run(id, 'nothing')
    },
  })

  const forgetfulDb = forgetful()
  const forgets = defineTask({
    name: `${kind}-forgets`,
    ...once,
    sessions: { db: forgetfulDb.provider },
    async run(id: string, context) {
      insert(await context.session.db, id)
      forgetfulDb.arm()
      context.add(next, `${id} of claim ${context.attempt}`)
      return `inserted ${id} in ${here()}`
    },
  })

  const keeps = defineTask({
    name: `${kind}-keeps-in-session`,
    ...once,
    sessions: { db },
    async run(id: string, context) {
      insert(await context.session.db, id)
      return context.once('number', () => 7)
    },
  })

  // Holds its transaction, and hears nothing any more.
  const spins = defineTask({
    name: `${kind}-spins-in-session`,
    ...once,
    sessions: { db },
    async run(id: string, context) {
      insert(await context.session.db, id)
      context.progress('inserted')
      await new Promise((resolve) => setImmediate(resolve))
      for (;;);
    },
  })

  const asks = defineTask({
    name: `${kind}-asks`,
    ...once,
    sessions: { db },
    run: async (_: undefined, context) => (context.session as unknown as Record<string, Promise<string>>)['dB'],
  })

  let left: DatabaseSync | undefined
  const leaves = defineTask({
    name: `${kind}-leaves-its-session`,
    ...once,
    sessions: { db },
    run: async (_: undefined, context) => void (left = await context.session.db),
  })
  const takes = defineTask({ name: `${kind}-takes`, ...once, run: () => void left!.prepare('SELECT 1') })

  const adds = defineTask({
    name: `${kind}-adds`,
    ...once,
    sessions: { db },
    async run({ id, fails }: { id: string; fails?: boolean }, context) {
      insert(await context.session.db, id)
      const now = context.add(next, id)
      context.add(next, id, { id: `${id} with an id of its own`, priority: 7, queue: 'other' })
      context.add(next, id, { delay: '1h' })
      if (fails === true) throw new Error('declined')
      return now.id
    },
  })

  const addsWrongly = defineTask({
    name: `${kind}-adds-wrongly`,
    ...once,
    run(_: undefined, { add }) {
      const codeOf = (what: () => unknown): unknown => {
        try {
          return what()
        } catch (error) {
          return (error as { code: string }).code
        }
      }
      const unlisted = defineTask({ name: 'nobody-knows-me', run: () => {} })
      return [
        codeOf(() => add(unlisted)),
        codeOf(() => add({ name: next.name } as typeof next, 'x')),
        codeOf(() => add(inForm, { to: 7 as never })),
        codeOf(() => add(next, 'x'.repeat(500))),
        codeOf(() => add(next, 'x', { delay: -1 })),
      ]
    },
  })

  const addsMany = defineTask({
    name: `${kind}-adds-many`,
    ...once,
    run: (count: number, { add }) => Array.from({ length: count }, () => add(next, 'one of many')).length,
  })

  const addsTeller = defineTask({
    name: `${kind}-adds-teller`,
    ...once,
    run: (_: undefined, { add }) => add(tells).id,
  })

  const waitsForAdded = defineTask({
    name: `${kind}-waits-for-added`,
    ...once,
    run: (_: undefined, { add }) => add(next, 'awaited').committed,
  })

  const tasks = {
    inserts,
    throws,
    violates,
    forgets,
    keeps,
    spins,
    asks,
    leaves,
    takes,
    adds,
    addsWrongly,
    addsMany,
    addsTeller,
    waitsForAdded,
  }
  return { kind, ...tasks }
}

export const inThread = sessionTasks('thread', { thread: true })
export const inProcess = sessionTasks('process', { isolate: 'process' })
