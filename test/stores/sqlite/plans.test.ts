/**
 * How SQLite goes about each statement. Speed that does not depend on what waits or what was done is a matter of indexes,
 * so the plans are held, on an empty file, on a full one, and on one that somebody has run ANALYZE on.
 */
import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { openDatabase } from '../../../src/stores/sqlite/open-database.ts'
import { type StatementName, statements } from '../../../src/stores/sqlite/statements.ts'

const ROWS = 100_000

/** Every state, five names, three queues, a few workers, and every third task with two crashes behind it. */
const FILL = `
  WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 14)
    INSERT INTO afterword_kind (code, queue, name) SELECT i, 'queue' || (i % 3), 'name' || (i % 5) FROM n;
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
    INSERT INTO afterword_task (key, id, state, kind, priority, added_at, due_at, worker, claims, crashes, marks, after, input)
    SELECT i, 'id' || i, i % 8, i % 15, i % 2, i, iif(i % 8 = 2, i, NULL), iif(i % 8 = 1, i % 4, NULL), 1, i % 3, 0,
      iif(i % 8 = 3, 'id' || (i - 1), NULL), '{}' FROM n`

const KEY = 'SEARCH afterword_task USING INTEGER PRIMARY KEY (rowid=?)'

/** The steps that touch tasks, in the order in which SQLite names them. */
const PLANS: Partial<Record<StatementName, readonly string[]>> = {
  claim: [
    KEY,
    'SEARCH t USING INTEGER PRIMARY KEY (rowid=?)',
    'SEARCH afterword_task USING INDEX afterword_task_ready (kind=?)',
  ],
  claim_probation: [KEY, 'SEARCH afterword_task USING INDEX afterword_task_probation (kind=?)'],
  promote: [KEY, 'SEARCH afterword_task USING COVERING INDEX afterword_task_scheduled (due_at<?)'],
  next_due: ['SEARCH afterword_task USING COVERING INDEX afterword_task_scheduled'],
  follower: ['SEARCH afterword_task USING INDEX afterword_task_waiting (after=?)'],
  relink: ['SEARCH afterword_task USING INDEX afterword_task_waiting (after=?)'],
  // By the range of keys, never by the worker's index: a run is short, what a worker holds need not be.
  succeed_run: ['SEARCH afterword_task USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'],
  succeed_run_and_forget: ['SEARCH afterword_task USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'],
  cancelling: ['SEARCH afterword_task USING INDEX afterword_task_running (worker=?)'],
  cancel_asked: ['SEARCH afterword_task USING INDEX afterword_task_running (worker=?)'],
  hand_back_all: ['SEARCH afterword_task USING INDEX afterword_task_running (worker=?)'],
  quarantine: ['SEARCH afterword_task USING INDEX afterword_task_running (worker=?)'],
  rescue: ['SEARCH afterword_task USING COVERING INDEX afterword_task_running (worker=?)'],
  retire: ['SEARCH t USING COVERING INDEX afterword_task_running (worker=?)'],
  old: ['SEARCH afterword_task USING INTEGER PRIMARY KEY (rowid>?)'],
  list: ['SEARCH afterword_task USING INTEGER PRIMARY KEY (rowid<?)'],
  list_ready: [KEY, 'SCAN afterword_task USING INDEX afterword_task_ready'],
  list_probation: [KEY, 'SCAN afterword_task USING INDEX afterword_task_probation'],
  list_running: [KEY, 'SCAN afterword_task USING COVERING INDEX afterword_task_running'],
  list_scheduled: [KEY, 'SCAN afterword_task USING COVERING INDEX afterword_task_scheduled'],
  list_waiting: [KEY, 'SCAN afterword_task USING COVERING INDEX afterword_task_waiting'],
  ready_kinds: [
    'SEARCH afterword_task USING INDEX afterword_task_ready (kind=?)',
    'SEARCH afterword_task USING INDEX afterword_task_probation (kind=?)',
  ],
  remove_canaries: ['SEARCH afterword_task USING INDEX afterword_task_ready (kind=?)'],
  counts: [
    'SCAN afterword_task USING INDEX afterword_task_ready',
    'SCAN afterword_task USING INDEX afterword_task_probation',
    'SCAN afterword_task USING INDEX afterword_task_running',
    'SCAN afterword_task USING INDEX afterword_task_scheduled',
    'SCAN afterword_task USING INDEX afterword_task_waiting',
  ],
}

function planOf(db: DatabaseSync, name: StatementName): string[] {
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${statements[name]}`).all() as unknown as { detail: string }[]
  return rows.map((row) => row.detail)
}

describe('the plans of the statements', () => {
  let db: DatabaseSync
  before(() => {
    db = openDatabase(undefined)
  })
  after(() => db.close())

  const files: Readonly<Record<string, () => void>> = {
    'an empty file': () => undefined,
    [`${ROWS} tasks`]: () => db.exec(FILL),
    'a file after ANALYZE': () => db.exec('ANALYZE'),
  }
  for (const [title, prepare] of Object.entries(files)) {
    describe(`on ${title}`, () => {
      before(prepare)

      for (const [name, steps] of Object.entries(PLANS)) {
        test(`${name} uses its index`, () => {
          const onTasks = planOf(db, name as StatementName).filter((step) => /^\w+ (afterword_task|t)\b/.test(step))
          assert.deepEqual(onTasks, steps)
        })
      }

      test('no other statement looks at more than one task', () => {
        const others = (Object.keys(statements) as StatementName[]).filter((name) => !(name in PLANS))
        const found = others.flatMap((name) =>
          planOf(db, name)
            .filter((step) => / (afterword_task|t)\b/.test(step) && step !== KEY)
            .map((step) => `${name}: ${step}`),
        )
        assert.deepEqual(found, [])
      })

      test('no claim sorts more than it found by its index', () => {
        const inner = `SELECT key FROM afterword_task INDEXED BY afterword_task_ready WHERE state = 0 AND crashes < 2 AND kind = ?
          ORDER BY priority DESC, added_at LIMIT ?`
        assert.ok(statements.claim.includes('ORDER BY priority DESC, added_at LIMIT ?'))
        const plan = db.prepare(`EXPLAIN QUERY PLAN ${inner}`).all() as unknown as { detail: string }[]
        assert.deepEqual(
          plan.map((row) => row.detail),
          ['SEARCH afterword_task USING INDEX afterword_task_ready (kind=?)'],
        )
      })
    })
  }
})
