/** The database session of an attempt: one transaction with its end, on a file that holds the tasks and the application's data. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { defineTask } from '../../src/define-task.ts'
import type { TaskContext } from '../../src/model/definition.ts'
import { isAfterwordError } from '../../src/model/errors.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { bench, databaseFile, gate, later, untilAborted } from '../support/bench.ts'

type Run = (db: DatabaseSync, context: TaskContext, id: string) => unknown

/** A background whose task `work` has a session on the file of its store, in which it may write into the table `effect`. */
async function scene(t: TestContext, run: Run, options: BackgroundOptions = {}) {
  const file = databaseFile(t)
  const database = new DatabaseSync(file)
  later(t).defer(() => database.close())
  const work = defineTask({
    name: 'work',
    retry: { attempts: 1 },
    timeout: '1h',
    run: async (id: string, context) => run((await context.session['db']) as DatabaseSync, context, id),
  })
  const { tasks = [], sessions = {}, ...rest } = options
  const made = bench(t, {
    store: `sqlite:${file}`,
    tasks: [work, ...tasks],
    sessions: { db: nodeSqliteSession(database), ...sessions },
    ...rest,
  })
  await made.background.start()
  database.exec('CREATE TABLE effect (id TEXT NOT NULL)')
  const effects = (): readonly unknown[] => {
    const other = new DatabaseSync(file, { readOnly: true })
    const rows = other.prepare('SELECT id FROM effect ORDER BY id').all()
    other.close()
    return rows.map((row) => row['id'])
  }
  return { ...made, file, database, work, effects }
}

const insert: Run = (db, _, id) => void db.prepare('INSERT INTO effect VALUES (?)').run(id)

describe('a session of an attempt', () => {
  test('is committed when run resolves, and what it returned is the result', async (t) => {
    const { background, work, effects } = await scene(t, (db, context, id) => {
      insert(db, context, id)
      return `did ${id}`
    })
    const result = await background.result(await background.add(work, 'a'))
    assert.deepEqual([result, effects()], ['did a', ['a']])
  })

  test('is not seen by others before', async (t) => {
    const [inserted, goOn] = [gate(), gate()]
    const { background, work, effects } = await scene(t, async (db, context, id) => {
      insert(db, context, id)
      inserted.open()
      await goOn.opened
    })
    const task = await background.add(work, 'a')
    await inserted.opened
    assert.deepEqual(effects(), [])
    goOn.open()
    await background.result(task)
    assert.deepEqual(effects(), ['a'])
  })

  test('is rolled back when run throws', async (t) => {
    const { background, work, until, effects } = await scene(t, (db, context, id) => {
      insert(db, context, id)
      throw new Error('declined')
    })
    const { id } = await background.add(work, 'a')
    assert.equal((await until('attempt:end', id)).state, 'failed')
    assert.deepEqual(effects(), [])
  })

  test('is rolled back when the attempt is cancelled and heeds it', async (t) => {
    const inserted = gate()
    const { background, work, until, effects, database } = await scene(t, async (db, context, id) => {
      insert(db, context, id)
      inserted.open()
      await untilAborted(context.signal)
    })
    const { id } = await background.add(work, 'a')
    await inserted.opened
    assert.equal(await background.cancel(id), 'requested')
    assert.equal((await until('attempt:end', id)).state, 'cancelled')
    assert.deepEqual([database.isTransaction, effects()], [false, []])
  })

  test('is rolled back when the attempt goes on after its timeout, and refused to it from then on', async (t) => {
    const [errors, goOn] = [gate<unknown>(), gate()]
    const slow = defineTask({
      name: 'slow',
      timeout: 20,
      retry: { attempts: 1 },
      async run(id: string, context) {
        const db = (await context.session['db']) as DatabaseSync
        await insert(db, context, id)
        await goOn.opened
        try {
          await insert(db, context, 'late')
        } catch (error) {
          errors.open(error)
        }
      },
    })
    const { background, until, effects } = await scene(t, insert, { tasks: [slow], abandonAfter: 20 })
    const { id } = await background.add(slow, 'a')
    await until('attempt:abandoned', id)
    await until('attempt:end', id)
    goOn.open()
    const error = await errors.opened
    assert.ok(isAfterwordError(error, 'SESSION_ENDED'))
    assert.equal(error.details.by, 'task "slow"')
    assert.deepEqual(effects(), [])
  })

  test('is rolled back when another worker has the task by then', async (t) => {
    const [inserted, goOn] = [gate(), gate()]
    const { background, work, until, effects, file, database } = await scene(
      t,
      async (db, context, id) => {
        insert(db, context, id)
        if (context.crashes > 0) return
        inserted.open()
        await goOn.opened
      },
      { poll: 100 },
    )
    const { id } = await background.add(work, 'a')
    await inserted.opened
    // As if the observer had come between two transactions of the attempt.
    database.exec('ROLLBACK')
    const observer = new SqliteStore(file, { clock: systemClock, chance: systemChance, sync: 'inline' })
    await observer.open()
    const [self] = await observer.workers()
    await observer.rescue(self!.incarnation, systemClock.now())
    await observer.close()
    database.exec('BEGIN IMMEDIATE')
    database.prepare('INSERT INTO effect VALUES (?)').run('of the attempt that lost its claim')
    goOn.open()
    await until('claim:lost', id)
    await background.result({ id })
    assert.deepEqual(effects(), ['a'])
  })

  test('is not opened when nobody asks for it', async (t) => {
    const idle = defineTask({ name: 'idle', run: (_: undefined, { session }) => typeof session })
    const { background, database } = await scene(t, insert, { tasks: [idle] })
    assert.equal(await background.result(await background.add(idle)), 'object')
    assert.equal(database.isTransaction, false)
  })

  test('is the same one for all who ask in an attempt', async (t) => {
    const twice = defineTask({
      name: 'twice',
      async run(_: undefined, { session }) {
        const [one, other] = await Promise.all([session['db'], session['db']])
        return one === other
      },
    })
    const { background } = await scene(t, insert, { tasks: [twice] })
    assert.equal(await background.result(await background.add(twice)), true)
  })

  test('that nobody has awaited is given back', async (t) => {
    const forgets = defineTask({ name: 'forgets', run: (_: undefined, { session }) => void session['db'] })
    const { background, database } = await scene(t, insert, { tasks: [forgets] })
    await background.result(await background.add(forgets))
    assert.equal(database.isTransaction, false)
  })

  test('of an unknown name is refused, and the name that was meant is told', async (t) => {
    const wrong = defineTask({
      name: 'wrong',
      retry: { attempts: 1 },
      run: (_: undefined, { session }) => session['dbb'],
    })
    const { background, until } = await scene(t, insert, { tasks: [wrong] })
    const { id } = await background.add(wrong)
    const { error } = await until('attempt:end', id)
    assert.equal(error?.code, 'SESSION_UNKNOWN')
    assert.match(error.message, /"dbb", did you mean "db"\? The sessions here are: db\./)
  })

  test('of the definition comes before that of the background', async (t) => {
    const own = new DatabaseSync(':memory:')
    later(t).defer(() => own.close())
    const task = defineTask({
      name: 'own',
      sessions: { db: nodeSqliteSession(own, { transaction: false }) },
      run: async (_: undefined, { session }) => (await session.db).location(),
    })
    const { background } = await scene(t, insert, { tasks: [task] })
    assert.equal(await background.result(await background.add(task)), null)
  })

  test('is refused while another one is a transaction: no commit covers both', async (t) => {
    const other = new DatabaseSync(':memory:')
    later(t).defer(() => other.close())
    const both = defineTask({
      name: 'both',
      retry: { attempts: 1 },
      async run(_: undefined, { session }) {
        await session['db']
        await session['other']
      },
    })
    const { background, until } = await scene(t, insert, {
      tasks: [both],
      sessions: { other: nodeSqliteSession(other) },
    })
    const { id } = await background.add(both)
    const { error } = await until('attempt:end', id)
    assert.equal(error?.code, 'SESSION_SECOND_DATABASE')
  })

  test('is rolled back when the background stops before run ends, and the task is handed back', async (t) => {
    const inserted = gate()
    const { background, work, effects } = await scene(t, async (db, context, id) => {
      insert(db, context, id)
      inserted.open()
      await gate().opened
    })
    const { id } = await background.add(work, 'a')
    await inserted.opened
    const { handedBack } = await background.stop({ grace: 0 })
    assert.deepEqual([handedBack, effects()], [[id], []])
  })
})

describe('a task that adds tasks', () => {
  const next = defineTask({ name: 'next', run: (n: number) => n })

  test('has them stored with its success, in one transaction', async (t) => {
    const committed: Promise<void>[] = []
    const adds = defineTask({
      name: 'adds',
      async run(_: undefined, context) {
        await insert((await context.session['db']) as DatabaseSync, context, 'a')
        const { id, committed: stored } = context.add(next, 7)
        committed.push(stored)
        return id
      },
    })
    const { background, effects } = await scene(t, insert, { tasks: [adds, next] })
    const id = await background.result(await background.add(adds))
    await committed[0]
    assert.deepEqual([await background.result({ id }), effects()], [7, ['a']])
  })

  test('has them stored without a session, too', async (t) => {
    const adds = defineTask({ name: 'adds', run: (_: undefined, { add }) => add(next, 8).id })
    const { background } = await scene(t, insert, { tasks: [adds, next] })
    const id = await background.result(await background.add(adds))
    assert.equal(await background.result({ id }), 8)
  })

  test('leaves none when it fails, and tells why', async (t) => {
    const told = gate<unknown>()
    const adds = defineTask({
      name: 'adds',
      retry: { attempts: 1 },
      run(_: undefined, { add }) {
        add(next, 9).committed.catch((error: unknown) => told.open(error))
        throw new Error('declined')
      },
    })
    const { background, until } = await scene(t, insert, { tasks: [adds, next] })
    const { id } = await background.add(adds)
    assert.equal((await until('attempt:end', id)).state, 'failed')
    assert.ok(isAfterwordError(await told.opened, 'ADDED_BY_FAILED_ATTEMPT'))
    assert.deepEqual((await background.list({ name: 'next' })).tasks, [])
  })

  test('through background.add inside of its own transaction is told that this would wait for itself', async (t) => {
    const { background, work, until } = await scene(
      t,
      async () => {
        await background.add(next, 1)
      },
      { tasks: [next] },
    )
    const { id } = await background.add(work, 'a')
    const { error } = await until('attempt:end', id)
    assert.equal(error?.code, 'SESSION_WAITS_FOR_ITSELF')
  })
})

describe('the store beside sessions on its file', () => {
  test('gets its turn between them: adds do not wait for the last of many', async (t) => {
    const { background, work, effects } = await scene(t, (db, context, id) => insert(db, context, id))
    const order: string[] = []
    const tasks = await Promise.all(Array.from({ length: 300 }, (_, i) => background.add(work, `e${i}`)))
    const results = tasks.map((task) => background.result(task).then(() => order.push('session')))
    const added = background.add(work, 'last').then((task) => {
      order.push('add')
      return background.result(task)
    })
    await Promise.all([...results, added])
    assert.ok(order.indexOf('add') < 150, `the add came after ${order.indexOf('add')} sessions`)
    assert.equal(effects().length, 301)
  })
})
