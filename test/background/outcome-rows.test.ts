/** Tasks in one database, data in another: a row of outcome in the application's own says what an attempt has committed there. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test, type TestContext } from 'node:test'
import pg from 'pg'
import type { Background } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import type { OpenSession, SessionProvider } from '../../src/model/session.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { OutcomeRows } from '../../src/sessions/outcome-rows.ts'
import { pgSession } from '../../src/sessions/pg.ts'
import { SessionBook } from '../../src/sessions/session-book.ts'
import { statements } from '../../src/sessions/statements.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { bench, databaseFile, folder, gate, later } from '../support/bench.ts'
import { claimedTask } from '../support/claimed-task.ts'
import { postgresDatabase, skipPostgres, type TestDatabase } from '../support/databases.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Faults } from '../support/faulty-store.ts'

const next = defineTask({ name: 'next', run: (n: number) => n })

/** A database of the application's, in a file of its own. */
function applicationFile(t: TestContext): DatabaseSync {
  const database = new DatabaseSync(`${folder(t)}/application.db`)
  later(t).defer(() => database.close())
  database.exec('CREATE TABLE effect (id TEXT NOT NULL)')
  return database
}

function effectsOf(database: DatabaseSync): readonly unknown[] {
  return database
    .prepare('SELECT id FROM effect ORDER BY id')
    .all()
    .map((row) => row['id'])
}

describe('an attempt whose data lies in another database than its task', () => {
  test('that died between its commit and the record of it is not repeated: the next one has its result', async (t) => {
    const file = databaseFile(t)
    const database = applicationFile(t)
    const faults = new Faults(new SqliteStore(file, { clock: systemClock, chance: systemChance }))
    const written = gate()
    let runs = 0
    const work = defineTask({
      name: 'work',
      async run(_: undefined, context) {
        const db = (await context.session['db']) as DatabaseSync
        runs++
        db.prepare('INSERT INTO effect VALUES (?)').run(`of attempt ${context.attempt}`)
        context.add(next, 7)
        if (context.attempt === 1) void faults.hold('write').reached.then(() => written.open())
        return `result of ${runs}`
      },
    })
    const options = { tasks: [work, next], sessions: { db: nodeSqliteSession(database) } }
    const first = bench(t, { ...options, store: faults.store })
    const task = await first.background.add(work)
    await written.opened
    await first.background.stop({ grace: 0 })
    const second = bench(t, { ...options, store: `sqlite:${file}` })
    assert.equal(await second.background.result(task), 'result of 1')
    assert.deepEqual([runs, effectsOf(database)], [1, ['of attempt 1']])
    const { tasks } = await second.background.list({ name: 'next' })
    assert.equal(tasks.length, 1)
    assert.equal(await second.background.result(tasks[0]!), 7)
  })

  test('that is late does not commit beside the one that took its place', async (t) => {
    const database = applicationFile(t)
    const [begun, goOn] = [gate(), gate()]
    let calls = 0
    const work = defineTask({
      name: 'work',
      async run(_: undefined, { session }) {
        const call = ++calls
        if (call === 1) {
          begun.open()
          await goOn.opened
        }
        const db = (await session['db']) as DatabaseSync
        db.prepare('INSERT INTO effect VALUES (?)').run(`of call ${call}`)
      },
    })
    const file = databaseFile(t)
    const { background, until } = bench(t, {
      store: `sqlite:${file}`,
      tasks: [work],
      poll: 100,
      sessions: { db: nodeSqliteSession(database) },
    })
    const { id } = await background.add(work)
    await begun.opened
    const observer = new SqliteStore(file, { clock: systemClock, chance: systemChance, sync: 'inline' })
    await observer.open()
    const [self] = await observer.workers()
    await observer.rescue(self!.incarnation, systemClock.now())
    await observer.close()
    await background.result({ id })
    goOn.open()
    await until('claim:lost', id)
    assert.deepEqual(effectsOf(database), ['of call 2'])
  })

  test('leaves no table where the provider says that it shall not', async (t) => {
    const database = applicationFile(t)
    const work = defineTask({ name: 'work', run: async (_: undefined, { session }) => void (await session['db']) })
    const provider = nodeSqliteSession(database, { outcomes: false })
    const { background } = bench(t, { tasks: [work], sessions: { db: provider } })
    await background.result(await background.add(work))
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'afterword%'").all()
    assert.deepEqual(tables, [])
  })
})

describe('rows of outcome', () => {
  test('go an hour after their task was over, and not before', async (t) => {
    const clock = new FakeClock()
    const database = applicationFile(t)
    const providers = { db: nodeSqliteSession(database) }
    const book = new SessionBook({ clock, here: () => 'a test' })
    const rows = new OutcomeRows(book)
    await rows.prepare('db', providers)
    const record = async (id: string): Promise<void> => {
      const session = await book.open('db', providers, 'a test')
      const outcome = { id, claims: 1, move: 'succeed', result: undefined, error: undefined, forget: false } as const
      await rows.record(session.sql!, { ...claimedTask(), id }, outcome)
      await session.commit()
      await session.close(false)
    }
    const kept = (): readonly unknown[] =>
      database
        .prepare('SELECT task_id FROM afterword_outcome')
        .all()
        .map((row) => row['task_id'])
    await record('over')
    await record('under way')
    const sweep = (): Promise<void> => rows.sweep('db', providers, ({ id }) => Promise.resolve(id === 'over'))
    await sweep()
    await clock.advance(3_599_000)
    await sweep()
    assert.deepEqual(kept(), ['over', 'under way'])
    await clock.advance(3_600_000)
    await sweep()
    assert.deepEqual(kept(), ['under way'])
  })
})

describe('a table of outcomes that cannot be made', { skip: skipPostgres }, () => {
  test('is asked for with the statement that makes it', async (t) => {
    const made = await postgresDatabase()
    later(t).defer(() => made.drop())
    const owner = new pg.Client(made.url)
    await owner.connect()
    const role = `${made.database}_reader`
    await owner.query(`CREATE ROLE ${role} LOGIN`)
    later(t).defer(async () => {
      await owner.query(`DROP ROLE ${role}`)
      await owner.end()
    })
    const pool = new pg.Pool({ connectionString: made.url.replace('postgres@', `${role}@`) })
    later(t).defer(() => pool.end())
    const work = defineTask({
      name: 'work',
      retry: { attempts: 1 },
      run: async (_: undefined, { session }) => void (await session['db']),
    })
    const { background, until } = bench(t, { tasks: [work], sessions: { db: pgSession(pool) } })
    const { id } = await background.add(work)
    const { error } = await until('attempt:end', id)
    assert.equal(error?.code, 'SESSION_OUTCOME_TABLE')
    assert.match(error.message, /permission denied.*CREATE TABLE IF NOT EXISTS afterword_outcome/)
  })
})

describe('a commit of which no answer came', { skip: skipPostgres }, () => {
  let made: TestDatabase
  let pool: pg.Pool
  before(async () => {
    made = await postgresDatabase()
    pool = new pg.Pool({ connectionString: made.url })
    // What a server says to idle connections as it ends them.
    pool.on('error', () => undefined)
    await pool.query('CREATE TABLE effect (id text NOT NULL)')
    await pool.query(statements.postgres.create)
  })
  after(async () => {
    await pool.end()
    await made.drop()
  })

  /**
   * Sessions of which one commit does what it is told instead: the second, for the first is that of the look at the table.
   * `isOneTrip`: the row of outcome goes together with the commit.
   */
  function failing(isOneTrip: boolean, second: (real: () => unknown) => Promise<unknown>): SessionProvider {
    const provider = pgSession(pool)
    let commits = 0
    const instead = (real: () => unknown): unknown => (++commits === 2 ? second(real) : real())
    return {
      ...provider,
      async open() {
        const session = await provider.open()
        const commit = async (): Promise<unknown> => instead(() => session.commit())
        const made: OpenSession = { ...session, commit }
        if (isOneTrip) made.commitWith = async (sql, values) => instead(() => session.commitWith!(sql, values))
        else delete made.commitWith
        return made
      },
    }
  }

  const insertOnce = defineTask({
    name: 'insert-once',
    retry: { attempts: 2, base: 1, cap: 1 },
    async run(id: string, { session, attempt }) {
      const db = (await session['db']) as pg.PoolClient
      await db.query('INSERT INTO effect VALUES ($1)', [id])
      return attempt
    },
  })

  async function ran(background: Background, id: string): Promise<unknown[]> {
    const result = await background.result(await background.add(insertOnce, id))
    const { rows } = await pool.query('SELECT count(*)::int AS count FROM effect WHERE id = $1', [id])
    return [result, (rows as { count: number }[])[0]?.count]
  }

  for (const isOneTrip of [true, false]) {
    const how = isOneTrip ? 'together with the row' : 'after the row'

    test(`and that went through is a success, ${how}`, async (t) => {
      const provider = failing(isOneTrip, async (real) => {
        await real()
        throw new Error('Connection terminated unexpectedly')
      })
      const { background } = bench(t, { tasks: [insertOnce], sessions: { db: provider } })
      assert.deepEqual(await ran(background, `went through ${how}`), [1, 1])
    })

    test(`and that did not is a failed attempt, which is repeated, ${how}`, async (t) => {
      const provider = failing(isOneTrip, () => Promise.reject(new Error('Connection terminated unexpectedly')))
      const { background, events } = bench(t, { tasks: [insertOnce], sessions: { db: provider } })
      assert.deepEqual(await ran(background, `did not ${how}`), [2, 1])
      assert.equal(events.all('attempt:failed')[0]?.error?.code, 'SESSION_COMMIT_FAILED')
    })

    test(`an attempt that meets the row of an earlier one takes its result and leaves nothing, ${how}`, async (t) => {
      const providers = { db: failing(isOneTrip, async (real) => real()) }
      const rows = new OutcomeRows(new SessionBook({ clock: systemClock, here: () => 'a test' }))
      const overtaken = defineTask({
        name: 'overtaken',
        async run(effect: string, { session, id }) {
          const db = (await session['db']) as pg.PoolClient
          await db.query('INSERT INTO effect VALUES ($1)', [effect])
          const { addedAt } = (await background.get(id))!
          const other = await pgSession(pool).open()
          const outcome = { id, claims: 0, move: 'succeed', error: undefined, forget: false } as const
          const result = { format: 0, text: '"of the earlier one"' } as const
          const task = { ...claimedTask(), id, addedAt: addedAt.getTime(), claims: 0 }
          await rows.record(other.sql!, task, { ...outcome, result })
          await other.commit()
          await other.close(false)
          return 'of the later one'
        },
      })
      const { background } = bench(t, { tasks: [overtaken], sessions: providers })
      const effect = `of the later one, ${how}`
      const result = await background.result(await background.add(overtaken, effect))
      const { rows: left } = await pool.query('SELECT id FROM effect WHERE id = $1', [effect])
      assert.deepEqual([result, left], ['of the earlier one', []])
    })
  }
})
