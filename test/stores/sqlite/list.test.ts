/** What a look at many tasks costs: held by how far it gets, on rows that are written behind the store's back. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { ListAsk } from '../../../src/ports/store.ts'
import { systemChance, systemClock } from '../../../src/ports/system.ts'
import { Database } from '../../../src/stores/sqlite/database.ts'
import { listTasks } from '../../../src/stores/sqlite/list.ts'
import { openDatabase } from '../../../src/stores/sqlite/open-database.ts'

const HISTORY = 12_000

const ASK: ListAsk = {
  states: undefined,
  queue: undefined,
  name: undefined,
  requestId: undefined,
  series: undefined,
  before: undefined,
  limit: 10,
}

/** The oldest task is ready; everything that came after it has succeeded. */
function longHistory(t: TestContext): Database {
  const connection = openDatabase(undefined)
  t.after(() => connection.close())
  connection.exec(`INSERT INTO afterword_kind (code, queue, name) VALUES (1, 'default', 'old'), (2, 'default', 'done');
    INSERT INTO afterword_task (key, id, state, kind, priority, added_at, claims, marks, request_id, input)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${HISTORY})
    SELECT i * 4096, printf('%08x-%04x-7000-8000-000000000000', (1577836800000 + i) / 65536, (1577836800000 + i) % 65536),
      iif(i = 0, 0, 4), iif(i = 0, 1, 2), 0, i, 1, 0, iif(i = 0, 'r-1', NULL), '{}' FROM n`)
  const onFailure = (): void => undefined
  return new Database(':memory:', connection, { clock: systemClock, chance: systemChance, onFailure })
}

describe('a look at many tasks', () => {
  test('finds what is live at once, however long the history in front of it is', (t) => {
    const db = longHistory(t)
    for (const filter of [{}, { name: 'old' }, { queue: 'default' }, { requestId: 'r-1' }]) {
      const { tasks, next } = listTasks(db, { ...ASK, states: ['ready'], ...filter })
      assert.deepEqual([tasks.map((task) => task.name), next], [['old'], undefined])
    }
  })

  test('tries 5,000 tasks for a filter without an index, and says where it stopped', (t) => {
    const db = longHistory(t)
    const stops: number[] = []
    let page = listTasks(db, { ...ASK, name: 'old' })
    while (page.next !== undefined) {
      assert.deepEqual(page.tasks, [])
      stops.push(listTasks(db, { ...ASK, limit: 1, before: page.next }).tasks[0]!.addedAt + 1)
      page = listTasks(db, { ...ASK, name: 'old', before: page.next })
    }
    assert.deepEqual(stops, [HISTORY - 4_999, HISTORY - 9_999])
    assert.deepEqual(
      page.tasks.map((task) => task.name),
      ['old'],
    )
  })

  test('reads no more rows than the page holds when nothing is filtered', (t) => {
    const { tasks, next } = listTasks(longHistory(t), ASK)
    assert.deepEqual(
      tasks.map((task) => task.addedAt),
      Array.from({ length: 10 }, (_, i) => HISTORY - i),
    )
    assert.equal(next, tasks.at(-1)?.id)
  })
})
