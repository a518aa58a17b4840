/** Versions of definitions in a rolling deploy: two workers on one file, one of the release before and one of today. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineTask } from '../../src/define-task.ts'
import type { AnyTaskDefinition } from '../../src/model/definition.ts'
import { systemChance } from '../../src/ports/system.ts'
import { openDatabase } from '../../src/stores/sqlite/open-database.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { greets } from '../isolates/children/upgraded.task.ts'
import { bench, databaseFile, later } from '../support/bench.ts'
import { FakeClock } from '../support/fake-clock.ts'

const before = defineTask({ name: 'greet', input: z.object({ name: z.string() }), run: ({ name }) => `hello ${name}` })

const today = defineTask({
  name: 'greet',
  version: 2,
  input: z.object({ first: z.string(), last: z.string() }),
  upgrade: {
    1: ({ name }: { name: string }) => {
      const [first = '', last = ''] = name.split(' ')
      return { first, last }
    },
  },
  run: ({ first, last }) => `hello ${first} of the ${last}s`,
})

/** A process of some release on that file. */
function release(t: TestContext, file: string, task: AnyTaskDefinition, works = true) {
  return bench(t, { store: `sqlite:${file}`, tasks: [task], works })
}

describe('a task that the release before has added', () => {
  test('runs in the release of today with its input upgraded; what is stored stays', async (t) => {
    const file = databaseFile(t)
    const old = release(t, file, before, false)
    const { id } = await old.background.add(before, { name: 'Ada Lovelace' })
    await old.background.stop()
    const young = release(t, file, today)
    assert.equal(await young.background.result(id), 'hello Ada of the Lovelaces')
    const { input, version } = await young.row(id)
    assert.deepEqual([input, version], [{ name: 'Ada Lovelace' }, 1])
  })

  test('runs in a thread of today with its input upgraded there', async (t) => {
    const file = databaseFile(t)
    const old = defineTask({ name: 'greets-in-thread', run: (name: string) => name })
    const adds = release(t, file, old, false)
    const { id } = await adds.background.add(old, 'Ada')
    await adds.background.stop()
    const young = bench(t, { store: `sqlite:${file}`, tasks: [greets] })
    assert.deepEqual(await young.background.result(id), { hello: 'Ada', isMainThread: false })
  })

  test('and whose upgrade throws fails at once, and runs after a deploy that corrects it and a requeue', async (t) => {
    const file = databaseFile(t)
    const old = release(t, file, before, false)
    const { id } = await old.background.add(before, { name: 'Ada' })
    await old.background.stop()
    const wrong = defineTask({
      name: 'greet',
      version: 2,
      run: (input: string) => input,
      upgrade: {
        1: (): never => {
          throw new Error('no last name')
        },
      },
    })
    const wronged = release(t, file, wrong)
    await wronged.background.start()
    const { state, error } = await wronged.until('attempt:failed', id)
    assert.deepEqual([state, error?.code], ['failed', 'TASK_UPGRADE_FAILED'])
    assert.match(error!.message, /upgrade 1 failed: no last name/)
    await wronged.background.stop()
    const young = release(t, file, today)
    assert.equal(await young.background.requeue(id), true)
    assert.equal(await young.background.result(id), 'hello Ada of the s')
  })
})

describe('a task that the release of today has added', () => {
  test('is left to it by a worker of the release before, which says so', async (t) => {
    const file = databaseFile(t)
    const adds = release(t, file, today, false)
    const old = release(t, file, before)
    await old.background.start()
    const { id } = await adds.background.add(today, { first: 'Ada', last: 'Lovelace' })
    const mine = await old.background.add(before, { name: 'Bob' })
    assert.equal(await old.background.result(mine), 'hello Bob')
    const { reason, text } = await old.background.explain(id)
    assert.equal(reason, 'nobody')
    assert.match(text, /it is of version 2, and .* know older versions of "greet" only/)
    const young = release(t, file, today)
    assert.equal(await young.background.result(id), 'hello Ada of the Lovelaces')
  })

  test('is told of while only the release before runs, and when that is over', async (t) => {
    const [clock, memory] = [new FakeClock(), openDatabase(undefined)]
    later(t).defer(() => memory.close())
    const at = (task: AnyTaskDefinition, works = true) => {
      const store = new SqliteStore(undefined, { clock, chance: systemChance, memory })
      return bench(t, { store, tasks: [task], works }, { clock })
    }
    const adds = at(today, false)
    await clock.run(adds.background.add(today, { first: 'Ada', last: 'Lovelace' }))
    const old = at(before)
    await clock.run(old.background.start())
    await clock.advance(6_000)
    const kind = { queue: 'default', name: 'greet', version: 2 }
    assert.deepEqual(old.events.all('task:unknown'), [{ ...kind, lack: 'version' }])
    await clock.run(at(today).background.start())
    await clock.advance(6_000)
    assert.deepEqual(old.events.all('task:known'), [kind])
  })
})
