/** What an attempt adds with `context.add`, and what it leaves behind. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { nodeSqliteSession } from '../../src/sessions/node-sqlite.ts'
import { bench, gate, later } from '../support/bench.ts'

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
