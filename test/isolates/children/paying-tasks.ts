/**
 * Tasks that pay into a database of the application, in threads and in child processes, and die of it when they are told to. The
 * module starts nothing. The environment says where the databases are, and who is to die when.
 */
import { DatabaseSync } from 'node:sqlite'
import { isMainThread } from 'node:worker_threads'
import pg from 'pg'
import { defineTask } from '../../../src/define-task.ts'
import type { TaskContext } from '../../../src/model/definition.ts'
import type { SessionProvider } from '../../../src/model/session.ts'
import { nodeSqliteSession } from '../../../src/sessions/node-sqlite.ts'
import { pgSession } from '../../../src/sessions/pg.ts'

/** Whom a SIGKILL hits, and when: the process of the background, or the child process of the task. */
export type Death = 'parent before commit' | 'parent after commit' | 'parent before record' | 'child after commit'

/** Where the payments are: in a file of SQLite, or on a server of Postgres. */
export type Place = 'file' | 'server'

export const { AFTERWORD_TEST_FILE: file = ':memory:', AFTERWORD_TEST_SERVER: server = '' } = process.env

const death = process.env['AFTERWORD_TEST_DEATH'] as Death | undefined

/** Gives its input back: what a payment adds. */
export const receipt = defineTask({ name: 'receipt', run: (text: string) => text })

/** Commits of the table of outcomes are none that anybody dies of. */
let hasPaid = false

function dieAt(moment: 'before commit' | 'after commit'): void {
  if (!hasPaid || death?.endsWith(moment) !== true) return
  // A thread is in the process of its background; in a child process it is the main one.
  process.kill(isMainThread && death.startsWith('parent') ? process.ppid : process.pid, 'SIGKILL')
}

function mortal<Handle>(provider: SessionProvider<Handle>): SessionProvider<Handle> {
  return {
    ...provider,
    async open() {
      const session = await provider.open()
      const around = async (commit: () => unknown): Promise<void> => {
        dieAt('before commit')
        await commit()
        dieAt('after commit')
      }
      return {
        ...session,
        commit: () => around(() => session.commit()),
        // Not every library can send the row and the commit together.
        ...(session.commitWith && {
          commitWith: (sql, values) => around(() => session.commitWith!(sql, values)),
        }),
      }
    },
  }
}

const sessions = {
  file: mortal(nodeSqliteSession(new DatabaseSync(file))),
  server: mortal(pgSession(new pg.Pool({ connectionString: server }))),
}

const payIn = {
  async file(id: string, { session, attempt }: TaskContext): Promise<void> {
    const db = (await session['file']) as DatabaseSync
    db.prepare('INSERT INTO payment VALUES (?, ?)').run(id, attempt)
  },
  async server(id: string, { session, attempt }: TaskContext): Promise<void> {
    const db = (await session['server']) as pg.PoolClient
    await db.query('INSERT INTO payment VALUES ($1, $2)', [id, attempt])
  },
}

function payingTask(place: Place, how: { thread?: true; isolate?: 'process' }) {
  return defineTask({
    name: `pays-${place}-in-${how.isolate ?? 'thread'}`,
    ...how,
    sessions,
    retry: { attempts: 2, base: 1, cap: 1 },
    async run(id: string, context) {
      const { attempt } = context
      await payIn[place](id, context as TaskContext)
      context.add(receipt, `${id} by attempt ${attempt}`)
      hasPaid = true
      return `${id} by attempt ${attempt}`
    },
  })
}

/** By where the payments are and where the task runs. */
export const paying = {
  thread: { file: payingTask('file', { thread: true }), server: payingTask('server', { thread: true }) },
  process: {
    file: payingTask('file', { isolate: 'process' }),
    server: payingTask('server', { isolate: 'process' }),
  },
}

/** All that a background has to know. */
export const all = [...Object.values(paying.thread), ...Object.values(paying.process), receipt]
