import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TaskState } from '../../src/model/task-state.ts'
import type { TaskId } from '../../src/model/task.ts'
import { stateOf } from '../../src/stores/sqlite/rows.ts'

/** A task's row as the checkers see it. */
export interface Row {
  readonly id: TaskId
  readonly name: string
  readonly queue: string
  readonly state: TaskState
  readonly worker: number | null
  readonly claims: number
  readonly crashes: number
  readonly handBacks: number
  readonly deferrals: number
  readonly early: 0 | 1
  readonly suspect: 0 | 1
  readonly passed: 0 | 1
  readonly cancelling: 0 | 1
  readonly after: TaskId | null
  readonly dueAt: number | null
  readonly finishedAt: number | null
  readonly result: string | null
  readonly hasError: 0 | 1
}

/** One change of one row. */
export interface RowChange {
  readonly before: Row | undefined
  readonly after: Row | undefined
}

const COLUMNS =
  'id, name, queue, state, worker, claims, crashes, hand_backs, deferrals, early, suspect, passed, cancelling, after, due_at, finished_at, result, error IS NOT NULL'

const values = (of: 'OLD' | 'NEW'): string => `json_array(${COLUMNS.replaceAll(/\b(?=[a-z])/g, `${of}.`)})`

/**
 * Watches the database: triggers of this connection write down each change of a task's row, statement by statement, and
 * whatever is rolled back takes its notes with it. The stores do not notice: counts of changes leave triggers out.
 */
export class Ledger {
  /** Every row as it stands. */
  readonly rows = new Map<TaskId, Row>()
  readonly #db: DatabaseSync
  readonly #changes: StatementSync
  readonly #forget: StatementSync
  readonly #counter: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    db.exec(`CREATE TEMP TABLE moved (seq INTEGER PRIMARY KEY, before TEXT, after TEXT);
      CREATE TEMP TRIGGER moved_in AFTER INSERT ON main.task
        BEGIN INSERT INTO moved (before, after) VALUES (NULL, ${values('NEW')}); END;
      CREATE TEMP TRIGGER moved_on AFTER UPDATE ON main.task
        BEGIN INSERT INTO moved (before, after) VALUES (${values('OLD')}, ${values('NEW')}); END;
      CREATE TEMP TRIGGER moved_out AFTER DELETE ON main.task
        BEGIN INSERT INTO moved (before, after) VALUES (${values('OLD')}, NULL); END;`)
    this.#changes = db.prepare('SELECT before, after FROM moved ORDER BY seq')
    this.#forget = db.prepare('DELETE FROM moved')
    this.#counter = db.prepare('SELECT live, waiting FROM counter')
  }

  /** What changed since it was asked last. */
  take(): readonly RowChange[] {
    const changes = this.#changes.all() as unknown as { before: string | null; after: string | null }[]
    if (changes.length === 0) return []
    this.#forget.run()
    return changes.map((change) => ({ before: rowOf(change.before), after: rowOf(change.after) }))
  }

  /** Follows a change. */
  follow({ before, after }: RowChange): void {
    if (after !== undefined) this.rows.set(after.id, after)
    else if (before !== undefined) this.rows.delete(before.id)
  }

  /** The store's own counters. */
  counter(): { readonly live: number; readonly waiting: number } {
    return this.#counter.get() as { live: number; waiting: number }
  }

  /** Queues that somebody has paused. */
  pausedQueues(): readonly string[] {
    return (this.#db.prepare('SELECT queue FROM paused_queue').all() as { queue: string }[]).map(({ queue }) => queue)
  }

  /** The same, counted row by row. */
  recount(): { readonly live: number; readonly waiting: number } {
    const sql = 'SELECT count(*) AS live, count(*) FILTER (WHERE state = 3) AS waiting FROM task WHERE state < 4'
    return this.#db.prepare(sql).get() as { live: number; waiting: number }
  }
}

type Stored = [
  TaskId,
  string,
  string,
  number,
  number | null,
  number,
  number,
  number,
  number,
  0 | 1,
  0 | 1,
  0 | 1,
  0 | 1,
  TaskId | null,
  number | null,
  number | null,
  string | null,
  0 | 1,
]

function rowOf(text: string | null): Row | undefined {
  if (text === null) return undefined
  const stored = JSON.parse(text) as Stored
  return {
    id: stored[0],
    name: stored[1],
    queue: stored[2],
    state: stateOf(stored[3]),
    worker: stored[4],
    claims: stored[5],
    crashes: stored[6],
    handBacks: stored[7],
    deferrals: stored[8],
    early: stored[9],
    suspect: stored[10],
    passed: stored[11],
    cancelling: stored[12],
    after: stored[13],
    dueAt: stored[14],
    finishedAt: stored[15],
    result: stored[16],
    hasError: stored[17],
  }
}
