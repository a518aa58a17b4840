/** What every adapter promises of database sessions: how they end with the answer, and what is said to those who use one later. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it, type TestContext } from 'node:test'
import pg from 'pg'
import type { AfterwordError } from '../../src/model/errors.ts'
import type { SessionProvider } from '../../src/model/session.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { type PgSession, pgSession } from '../../src/sessions/pg.ts'
import { later } from '../support/bench.ts'
import { postgresDatabase, skipPostgres, type TestDatabase } from '../support/databases.ts'
import { inParts } from './in-parts.ts'
import { type Call, HandlerError, type Plan, type Reply, type World } from './world.ts'

type Test = (title: string, run: (t: TestContext) => Promise<void>) => void
type Open = (t: TestContext, plan: (world: World) => Plan, options?: Plan['options']) => Promise<World>

/** An error, and the line of this file that got it. */
interface Late {
  readonly error: AfterwordError
  readonly line: string
}

/** The cases about database sessions. */
export function sessionCases(name: string, test: Test, open: Open): void {
  describe(`${name}: the session of a request`, () => {
    for (const [what, reply, ids] of [
      ['is committed when the client has the head of an answer below 400', { status: 201, body: 'made' }, ['a']],
      ['is committed before the first byte of a stream', { stream: inParts('a', async () => undefined, 'b') }, ['a']],
      ['is rolled back with an error that is returned', { status: 409, body: 'conflict' }, []],
      ['is rolled back with an error that is thrown', undefined, []],
    ] as const) {
      test(what, async (t) => {
        const { database, sessions } = effects(t)
        const world = await open(t, () => ({ handle: (call) => insert(call, reply) }), { sessions })
        const { status } = await world.get('/')
        assert.equal(status < 400, ids.length > 0)
        assert.deepEqual(idsOf(database), ids)
        assert.equal(database.isTransaction, false)
      })
    }

    test('that cannot be committed refuses the answer and drops its tasks', async (t) => {
      const { database, sessions } = effects(t, () => Promise.reject(new Error('deferred constraint')))
      const world = await open(
        t,
        ({ note }) => ({
          handle(call) {
            call.tasks.add(note, { text: 'never' })
            return insert(call, { status: 201, body: 'made' })
          },
        }),
        { sessions },
      )
      assert.equal((await world.get('/')).status, 500)
      assert.deepEqual([idsOf(database), database.isTransaction], [[], false])
      assert.equal(world.events.all('task:dropped').length, 1)
    })

    test('of a client that goes away is committed with the status that the handler leaves', async (t) => {
      const { database, sessions, ended } = effects(t)
      const arrived = Promise.withResolvers<void>()
      const world = await open(
        t,
        () => ({
          async handle(call) {
            arrived.resolve()
            await closed(call.response)
            return insert(call, { body: 'too late' })
          },
        }),
        { sessions },
      )
      const wire = (await world.wire()).get('/')
      await arrived.promise
      wire.socket.destroy()
      await ended
      assert.deepEqual(idsOf(database), ['a'])
    })
  })

  describe(`${name}: a session that is used after its request`, () => {
    const used: Record<string, [by: RegExp, use: (world: World, call: Call, use: () => void) => Reply | undefined]> = {
      'by a task names the task': [
        /^task "act"$/,
        (world, { tasks }, use) => {
          world.act = use
          tasks.add(world.acts)
          return undefined
        },
      ],
      'by a deferred function says so': [
        /^a function deferred by request GET \/late( \(\S+\))?$/,
        (_, { tasks }, use) => {
          tasks.defer(use)
          return undefined
        },
      ],
      'by a timer names the request that set it': [
        LEFT_RUNNING,
        (_, { response }, use) => {
          void closed(response).then(() => setImmediate(use))
          return undefined
        },
      ],
      'by a stream names the request that it answers': [
        LEFT_RUNNING,
        (_, _call, use) => ({ stream: inParts('first', async () => use(), 'second') }),
      ],
    }
    for (const [how, [by, plan]] of Object.entries(used)) {
      test(`${how}, and the line`, async (t) => {
        const { sessions } = effects(t)
        const late = await lateUse(t, open, sessions, plan, async ({ session }) => {
          const db = (await session['db']) as DatabaseSync
          return () => [lineOf(new Error('here')), caught(() => db.prepare('SELECT 1'))]
        })
        assertExplained(late, by, 'node:sqlite')
      })
    }
  })

  describe(`${name}: a session of Postgres`, { skip: skipPostgres }, () => {
    let database: TestDatabase
    let pool: pg.Pool
    before(async () => {
      database = await postgresDatabase()
      pool = new pg.Pool({ connectionString: database.url, max: 2 })
    })
    after(async () => {
      await pool.end()
      await database.drop()
    })

    it('is committed with the answer, and a task that uses it later is named', async (t) => {
      await pool.query('CREATE TABLE effect (id text PRIMARY KEY)')
      const plan = (world: World, { tasks }: Call, use: () => void): undefined => {
        world.act = use
        tasks.add(world.acts)
      }
      const late = await lateUse(t, open, { db: pgSession(pool) }, plan, async ({ session }) => {
        const db = (await session['db']) as PgSession
        await db.query("INSERT INTO effect VALUES ('a')")
        return () => [lineOf(new Error('here')), caught(() => db.query('SELECT 1'))]
      })
      assertExplained(late, /^task "act"$/, 'pg')
      assert.deepEqual((await pool.query('SELECT id FROM effect')).rows, [{ id: 'a' }])
      assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1])
    })
  })
}

const LEFT_RUNNING = /^code that request GET \/late( \(\S+\))? left running \(a timer, a stream, a callback\)$/

/** An empty table in a database in memory, and the option `sessions` for it. */
function effects(t: TestContext, commit?: () => Promise<never>) {
  const database = new DatabaseSync(':memory:')
  later(t).defer(() => database.close())
  database.exec('CREATE TABLE effect (id TEXT PRIMARY KEY)')
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const provider = nodeSqliteSession(database)
  const db: SessionProvider<DatabaseSync> = {
    ...provider,
    async open() {
      const session = await provider.open()
      return {
        ...session,
        commit: commit ?? (() => session.commit()),
        async close(broken) {
          await session.close(broken)
          resolve()
        },
      }
    },
  }
  return { database, sessions: { db }, ended }
}

/** Resolves when the answer is out, or its connection is gone. */
async function closed(response: ServerResponse): Promise<void> {
  if (!response.destroyed) await new Promise((close) => response.once('close', close))
}

/** Writes one row in the session of the request, and answers; without a reply the handler throws. */
async function insert({ tasks }: Call, reply: Reply | undefined): Promise<Reply> {
  const db = (await tasks.session['db']) as DatabaseSync
  db.prepare("INSERT INTO effect VALUES ('a')").run()
  if (reply === undefined) throw new HandlerError()
  return reply
}

function idsOf(database: DatabaseSync): unknown[] {
  return database
    .prepare('SELECT id FROM effect')
    .all()
    .map(({ id }) => id)
}

/** Takes a session in a handler, has it used when the request is over, and tells what came of it. */
async function lateUse(
  t: TestContext,
  open: Open,
  sessions: NonNullable<Plan['options']>['sessions'],
  plan: (world: World, call: Call, use: () => void) => Reply | undefined,
  take: (tasks: Call['tasks']) => Promise<() => readonly [line: string, error: unknown]>,
): Promise<Late> {
  const { promise, resolve } = Promise.withResolvers<Late>()
  const world = await open(
    t,
    (made) => ({
      async handle(call) {
        const use = await take(call.tasks)
        const tell = (): void => {
          const [line, error] = use()
          resolve({ line, error: error as AfterwordError })
        }
        return plan(made, call, tell) ?? { body: 'over' }
      },
    }),
    { sessions },
  )
  assert.equal((await world.get('/late?token=secret')).status, 200)
  return promise
}

/** It names the session, its request without the query, who used it, and first of all the line that did. */
function assertExplained({ error, line }: Late, by: RegExp, what: string): void {
  assert.equal(error.code, 'SESSION_ENDED')
  const { session, owner, used, how, by: whom } = error.details as Record<string, string>
  assert.deepEqual([session, how], ['db', 'committed'])
  assert.match(owner ?? '', /^request GET \/late( \(\S+\))?$/)
  assert.equal(used, what === 'pg' ? '.query' : '.prepare')
  assert.match(whom ?? '', by)
  assert.equal(lineOf(error), line)
  assert.doesNotMatch(error.message, /secret/)
}

/** File and line of the first frame of an error. */
function lineOf(error: Error): string {
  const [, line = ''] = /\n\s+at [^\n]*?([^\s(]+:\d+):\d+\)?(?=\n)/.exec(error.stack ?? '') ?? []
  assert.match(line, /conformance-sessions\.ts:\d+$/)
  return line
}

function caught(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}
