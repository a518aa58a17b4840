import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { generate } from '../../../scripts/fresh/schema.mjs'
import { LIVE_STATES } from '../../../src/model/task-state.ts'
import { openDatabase } from '../../../src/stores/sqlite/open-database.ts'
import { STATE_CODES } from '../../../src/stores/sqlite/rows.ts'

function memory(t: TestContext): DatabaseSync {
  const db = openDatabase(undefined)
  t.after(() => db.close())
  return db
}

describe('the schema', () => {
  test('is what schema.sql shows', () => {
    const shown = readFileSync(new URL('../../../src/stores/sqlite/schema.sql', import.meta.url), 'utf8')
    assert.equal(shown, generate(), 'run npm run fresh, and look at what changed')
  })

  test('names every state by the code that rows have', (t) => {
    const rows = memory(t).prepare('SELECT name, code FROM afterword_task_state').all()
    assert.deepEqual(Object.fromEntries(rows.map(({ name, code }) => [name, code])), STATE_CODES)
  })

  test('has live states before final ones, as statements compare them', () => {
    assert.deepEqual(new Set(LIVE_STATES.map((state) => STATE_CODES[state])), new Set([0, 1, 2, 3]))
  })

  test('has a view that people can read', (t) => {
    const db = memory(t)
    db.exec(`INSERT INTO afterword_kind VALUES (5, 'mail', 'send-welcome');
      INSERT INTO afterword_task (key, id, state, kind, priority, added_at, due_at, claims, deferrals, marks, input)
      VALUES (1, 'a', 2, 5, 0, 1767225600123, 1767225601000, 3, 1, 0, '{"to":"Ada"}')`)
    const { name, queue, state, attempt, added_at, due_at, input } = db
      .prepare('SELECT * FROM afterword_tasks')
      .get() as Record<string, unknown>
    assert.deepEqual(
      { name, queue, state, attempt, added_at, due_at, input },
      {
        name: 'send-welcome',
        queue: 'mail',
        state: 'scheduled',
        attempt: 2,
        added_at: '2026-01-01 00:00:00.123',
        due_at: '2026-01-01 00:00:01.000',
        input: '{"to":"Ada"}',
      },
    )
  })

  test('holds no value of a wrong type', (t) => {
    const db = memory(t)
    const wrong = `INSERT INTO afterword_task (key, id, state, kind, priority, added_at, claims, marks, input)
      VALUES (1, 'a', 'ready', 1, 0, 0, 0, 0, '')`
    assert.throws(() => db.exec(wrong), /cannot store TEXT value in INTEGER column afterword_task\.state/)
  })
})
