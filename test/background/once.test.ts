/** Values that are computed once for all attempts of a task. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { TaskContext } from '../../src/model/definition.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { bench, databaseFile, gate } from '../support/bench.ts'
import { Faults } from '../support/faulty-store.ts'
import { TaskProcess } from '../support/task-process.ts'

/** A task of up to three attempts, one right after the other. */
function task<T>(run: (context: TaskContext) => T | Promise<T>) {
  const definition = defineTask({
    name: 'pays',
    retry: { attempts: 3, base: 1, cap: 1 },
    run: (_: undefined, context) => run(context),
  })
  return definition
}

const codeOf = (error: unknown): unknown => (error as { readonly code: unknown }).code

/** What becomes of one task of that kind. */
async function resultOf<T>(t: TestContext, run: (context: TaskContext) => T | Promise<T>): Promise<unknown> {
  const pays = task(run)
  const { background } = bench(t, { tasks: [pays] })
  return background.result(await background.add(pays))
}

/** The codes of errors that one attempt gets. */
async function codesOf(t: TestContext, ...asks: ((context: TaskContext) => Promise<unknown>)[]): Promise<unknown> {
  return resultOf(t, async (context) => {
    const settled = await Promise.allSettled(asks.map((ask) => ask(context)))
    return settled.map((each) => (each.status === 'rejected' ? codeOf(each.reason) : 'none'))
  })
}

describe('a value of context.once', () => {
  test('is computed by the first attempt that asks, and given to all later ones as it was', async (t) => {
    let computed = 0
    const compute = (): object => ({ n: ++computed, at: new Date(7), seen: new Map([['a', 1n]]) })
    const attempts: unknown[] = []
    const result = await resultOf(t, async ({ once, attempt }) => {
      attempts.push(await once('charge', compute))
      if (attempt < 3) throw new Error('once more')
      return computed
    })
    assert.equal(result, 1)
    const value = { n: 1, at: new Date(7), seen: new Map([['a', 1n]]) }
    assert.deepEqual(attempts, [value, value, value])
  })

  test('may be nothing', async (t) => {
    let computed = 0
    const result = await resultOf(t, async ({ once, attempt }) => {
      const value = await once('mail', () => void computed++)
      if (attempt === 1) throw new Error('once more')
      return { value, computed }
    })
    assert.deepEqual(result, { value: undefined, computed: 1 })
  })

  test('is in the store before it is given', async (t) => {
    const store = new SqliteStore(databaseFile(t), { clock: systemClock, chance: systemChance })
    const pays = task(async ({ once, id }) => {
      await once('charge', () => 'ch_1')
      return Object.fromEntries(await store.steps(id))
    })
    const { background } = bench(t, { tasks: [pays], store })
    assert.deepEqual(await background.result(await background.add(pays)), { charge: { format: 0, text: '"ch_1"' } })
  })

  test('is not computed again after its process was killed', async (t) => {
    const [database, file] = [databaseFile(t), databaseFile(t)]
    const first = await TaskProcess.started(t, database)
    const id = await first.add('pays', { file })
    await first.exited
    const second = await TaskProcess.started(t, database)
    await second.until('attempt:end', id)
    assert.equal(readFileSync(file, 'utf8'), 'paid\n')
    const { background } = bench(t, { store: `sqlite:${database}`, works: false })
    assert.equal((await background.get(id))?.result, first.child.pid)
  })

  test('is computed again after what computes it has failed, also in the same attempt', async (t) => {
    let computed = 0
    const compute = (): number => {
      if (++computed < 3) throw new Error('no')
      return computed
    }
    const result = await resultOf(t, async ({ once }) => {
      await once('charge', compute).catch(() => undefined)
      return once('charge', compute)
    })
    assert.equal(result, 3)
  })

  test('waits for a store that is full, for what it stands for is done', async (t) => {
    const faults = new Faults()
    let computed = 0
    const pays = task(({ once }) =>
      once('charge', () => {
        faults.refuse('write', new AfterwordError('STORE_FULL', { file: 'x' }))
        return ++computed
      }),
    )
    const { background, events } = bench(t, { tasks: [pays], store: faults.store })
    assert.equal(await background.result(await background.add(pays)), 1)
    assert.deepEqual([computed, events.all('store:error').length], [1, 1])
  })

  test('is refused when the store has ended for good', async (t) => {
    const faults = new Faults()
    const codes: unknown[] = []
    const asked = gate()
    const pays = task(async ({ once }) => {
      await once('charge', () => {
        const error = new AfterwordError('STORE_CLOSED', { file: 'x' })
        for (let i = 0; i < 3; i++) faults.refuse('write', error)
      }).catch((error: unknown) => codes.push(codeOf(error)))
      asked.open()
    })
    const { background } = bench(t, { tasks: [pays], store: faults.store })
    await background.add(pays)
    await asked.opened
    assert.deepEqual(codes, ['STORE_CLOSED'])
  })
})

describe('a stop', () => {
  test('does not wait for a value that the store does not take', async (t) => {
    const faults = new Faults()
    const [computed, refused] = [gate(), gate<unknown>()]
    const pays = task(({ once }) =>
      once('charge', () => {
        for (let i = 0; i < 20; i++) faults.refuse('write', new AfterwordError('STORE_FULL', { file: 'x' }))
        computed.open()
      }).catch((error: unknown) => refused.open(codeOf(error))),
    )
    const { background } = bench(t, { tasks: [pays], store: faults.store, abandonAfter: 1 })
    const { id } = await background.add(pays)
    await computed.opened
    const { abandoned } = await background.stop({ grace: 0 })
    assert.deepEqual(
      abandoned.map((attempt) => attempt.id),
      [id],
    )
    assert.equal(await refused.opened, 'STORE_CLOSED')
  })
})

describe('the name of a value', () => {
  test('has 1 to 100 characters', async (t) => {
    const wrong = ['', 'x'.repeat(101), 5, undefined, 'lone \ud800']
    const asks = wrong.map(
      (name) =>
        ({ once }: TaskContext) =>
          once(name as string, () => assert.fail('computed')),
    )
    assert.deepEqual(await codesOf(t, ...asks, ({ once }) => once('x'.repeat(100), () => 1)), [
      ...wrong.map(() => 'ONCE_NAME_INVALID'),
      'none',
    ])
  })

  test('is that of one function in each attempt: the same one gets the same value, another one is refused', async (t) => {
    let computed = 0
    const compute = (): number => ++computed
    const codes = await codesOf(
      t,
      async ({ once }) => assert.deepEqual(await Promise.all([once('a', compute), once('a', compute)]), [1, 1]),
      ({ once }) => once('a', () => assert.fail('computed')),
      async ({ once }) => {
        await once('b', compute)
        return once('b', () => assert.fail('computed'))
      },
      async ({ once }) => assert.equal(await once('a', compute), 1),
    )
    assert.deepEqual(codes, ['none', 'ONCE_NAME_TAKEN', 'ONCE_NAME_TAKEN', 'none'])
    assert.equal(computed, 2)
  })

  test('may be one of 1,000 at most, over all attempts', async (t) => {
    const result = await resultOf(t, async ({ once, attempt }) => {
      const names = Array.from({ length: attempt === 1 ? 999 : 1_000 }, (_, i) => `step ${i}`)
      await Promise.all(names.map((name) => once(name, () => attempt)))
      if (attempt === 1) throw new Error('once more')
      return once('one too many', () => assert.fail('computed')).catch(codeOf)
    })
    assert.equal(result, 'ONCE_TOO_MANY')
  })
})

describe('a value that cannot be kept', () => {
  test('is refused when no store could hold it, or it is too large', async (t) => {
    const pays = task(async ({ once }) => [
      await once('socket', () => ({ at: () => 1 })).catch(String),
      await once('film', () => 'x'.repeat(2_000)).catch(String),
    ])
    const { background } = bench(t, { tasks: [pays], resultBytesMax: 1_024 })
    const [unstorable, large] = (await background.result(await background.add(pays))) as string[]
    assert.match(unstorable!, /ONCE_NOT_STORABLE/)
    assert.match(unstorable!, /Task "pays" computed context\.once\("socket"\), but its value\.at is a function/)
    assert.match(large!, /ONCE_TOO_LARGE/)
    assert.match(large!, /its value takes at least \d+ bytes and the limit is 1024/)
  })

  test('is refused when another worker has the task by then, and nothing of it is kept', async (t) => {
    const store = new SqliteStore(undefined, { clock: systemClock, chance: systemChance })
    const refused = gate<unknown>()
    const pays = task(async ({ once, id, crashes }) => {
      if (crashes > 0) return Object.fromEntries(await store.steps(id))
      const rescue = async (): Promise<void> => {
        const [worker] = await store.workers()
        await store.rescue(worker!.incarnation, 0)
      }
      return once('charge', rescue).catch((error: unknown) => refused.open(codeOf(error)))
    })
    const { background } = bench(t, { tasks: [pays], store })
    const added = await background.add(pays)
    assert.equal(await refused.opened, 'ONCE_CLAIM_LOST')
    assert.deepEqual(await background.result(added), {})
  })

  test('is not computed when the attempt is over', async (t) => {
    const left = gate<TaskContext>()
    await resultOf(t, (context) => left.open(context))
    const { once } = await left.opened
    await assert.rejects(
      once('charge', () => assert.fail('computed')),
      { code: 'ONCE_CLAIM_LOST', details: { name: 'pays', id: (await left.opened).id, once: 'charge' } },
    )
  })
})

describe('a value of an attempt with a session in the file of the store', () => {
  /** What the attempt gets, and what its table holds afterwards. */
  async function withSession(t: TestContext, run: (context: TaskContext) => Promise<unknown>) {
    const file = databaseFile(t)
    const database = new DatabaseSync(file)
    t.after(() => database.close())
    database.exec('CREATE TABLE entry (text TEXT)')
    const pays = defineTask({
      name: 'pays',
      retry: { attempts: 1 },
      sessions: { db: nodeSqliteSession(database) },
      run: (_: undefined, context) => run(context as unknown as TaskContext),
    })
    const { background } = bench(t, { tasks: [pays], store: `sqlite:${file}` })
    const result = await background.result(await background.add(pays)).catch(String)
    return { result, entries: database.prepare('SELECT text FROM entry').all().length }
  }

  const write = async ({ session }: TaskContext): Promise<void> => {
    const db = (await session['db']) as DatabaseSync
    db.exec("INSERT INTO entry VALUES ('paid')")
  }

  test('is kept before the session is asked for', async (t) => {
    const { result, entries } = await withSession(t, async (context) => {
      const receipt = await context.once('charge', () => 'ch_1')
      await write(context)
      return receipt
    })
    assert.deepEqual([result, entries], ['ch_1', 1])
  })

  test('is refused while it holds the file, which would be waited for: before it is computed, or after', async (t) => {
    const before = await withSession(t, async (context) => {
      await write(context)
      return context.once('charge', () => assert.fail('computed'))
    })
    const meanwhile = await withSession(t, (context) => context.once('charge', () => write(context)))
    for (const { result, entries } of [before, meanwhile]) {
      assert.match(String(result), /ONCE_IN_TRANSACTION/)
      assert.equal(entries, 0)
    }
  })
})
