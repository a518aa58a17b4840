/** What an attempt adds with `context.add`, and what it leaves behind. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, databaseFile, gate, later } from '../support/bench.ts'

const next = defineTask({ name: 'next', run: (n: number) => n })

describe('an attempt in its grace period', () => {
  test('may still add tasks: they are stored with its success, for the next start', async (t) => {
    const [begun, goOn] = [gate(), gate()]
    const adds = defineTask({
      name: 'adds',
      async run(_: undefined, { add }) {
        begun.open()
        await goOn.opened
        return add(next, 7).id
      },
    })
    const store = `sqlite:${databaseFile(t)}`
    const first = bench(t, { tasks: [adds, next], store })
    const { id } = await first.background.add(adds)
    await begun.opened
    const stopping = first.background.stop({ grace: '1m' })
    goOn.open()
    assert.equal((await stopping).finished, 1)
    const second = bench(t, { tasks: [adds, next], store })
    const added = await second.background.result<typeof adds>(id)
    assert.equal(await second.background.result({ id: added }), 7)
  })
})

describe('code that an attempt has left running', () => {
  test('is refused a session, and holds none, when it asks for the first one after the end', async (t) => {
    const database = new DatabaseSync(':memory:')
    later(t).defer(() => database.close())
    const refused = gate<unknown>()
    const leaves = defineTask({
      name: 'leaves',
      run(_: undefined, context) {
        setImmediate(() => void (context.session['db'] as Promise<unknown>).catch(refused.open))
      },
    })
    const { background } = bench(t, { tasks: [leaves], sessions: { db: nodeSqliteSession(database) } })
    await background.result(await background.add(leaves))
    assert.equal(((await refused.opened) as { code?: string }).code, 'SESSION_ENDED')
    assert.equal(database.isTransaction, false)
  })
})
