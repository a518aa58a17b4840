import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TaskState } from '../../src/model/task-state.ts'
import type { TaskId } from '../../src/model/task.ts'
import { CANCELLING, EARLY, PASSED, SUSPECT } from '../../src/stores/sqlite/marks.ts'
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
}

/** One change of one row. */
export interface RowChange {
  readonly before: Row | undefined
  readonly after: Row | undefined
}

const COLUMNS =
  'id, kind, marks, state, worker, claims, crashes, hand_backs, deferrals, after, due_at, finished_at, result'

const values = (of: 'OLD' | 'NEW'): string => `json_array(${COLUMNS.replaceAll(/\b(?=[a-z])/g, `${of}.`)})`

/**
 * Watches the database: triggers of this connection write down each change of a task's row, statement by statement, and
 * whatever is rolled back takes its notes with it. The stores do not notice: counts of changes leave triggers out.
 */
export class Ledger {
  /** Every row as it stands. */
  readonly rows = new Map<TaskId, Row>()
  readonly #db: DatabaseSync
  readonly #kinds = new Map<number, Pick<Row, 'name' | 'queue'>>()
  readonly #changes: StatementSync
  readonly #forget: StatementSync
  readonly #counter: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    db.exec(`CREATE TEMP TABLE moved (seq INTEGER PRIMARY KEY, before TEXT, after TEXT);
      CREATE TEMP TRIGGER moved_in AFTER INSERT ON main.afterword_task
        BEGIN INSERT INTO moved (before, after) VALUES (NULL, ${values('NEW')}); END;
      CREATE TEMP TRIGGER moved_on AFTER UPDATE ON main.afterword_task
        BEGIN INSERT INTO moved (before, after) VALUES (${values('OLD')}, ${values('NEW')}); END;
      CREATE TEMP TRIGGER moved_out AFTER DELETE ON main.afterword_task
        BEGIN INSERT INTO moved (before, after) VALUES (${values('OLD')}, NULL); END;`)
    this.#changes = db.prepare('SELECT before, after FROM moved ORDER BY seq')
    this.#forget = db.prepare('DELETE FROM moved')
    this.#counter = db.prepare('SELECT live, waiting FROM afterword_counter')
  }

  /** What changed since it was asked last. */
  take(): readonly RowChange[] {
    const changes = this.#changes.all() as unknown as { before: string | null; after: string | null }[]
    if (changes.length === 0) return []
    this.#forget.run()
    return changes.map((change) => ({ before: this.#row(change.before), after: this.#row(change.after) }))
  }

  #row(text: string | null): Row | undefined {
    if (text === null) return undefined
    const [id, kind, marks, state, worker, claims, crashes, handBacks, deferrals, after, dueAt, finishedAt, result] =
      JSON.parse(text) as Stored
    return {
      id,
      ...this.#kind(kind),
      state: stateOf(state),
      worker,
      claims,
      crashes,
      handBacks,
      deferrals,
      early: markOf(marks, EARLY),
      suspect: markOf(marks, SUSPECT),
      passed: markOf(marks, PASSED),
      cancelling: markOf(marks, CANCELLING),
      after,
      dueAt,
      finishedAt,
      result,
    }
  }

  #kind(code: number): Pick<Row, 'name' | 'queue'> {
    const known = this.#kinds.get(code)
    if (known !== undefined) return known
    const kind = this.#db.prepare('SELECT name, queue FROM afterword_kind WHERE code = ?').get(code) as Pick<
      Row,
      'name' | 'queue'
    >
    this.#kinds.set(code, kind)
    return kind
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
    return (this.#db.prepare('SELECT queue FROM afterword_paused_queue').all() as { queue: string }[]).map(
      ({ queue }) => queue,
    )
  }

  /** The same, counted row by row. */
  recount(): { readonly live: number; readonly waiting: number } {
    const sql =
      'SELECT count(*) AS live, count(*) FILTER (WHERE state = 3) AS waiting FROM afterword_task WHERE state < 4'
    return this.#db.prepare(sql).get() as { live: number; waiting: number }
  }
}

type Stored = [
  id: TaskId,
  kind: number,
  marks: number,
  state: number,
  worker: number | null,
  claims: number,
  crashes: number,
  handBacks: number,
  deferrals: number,
  after: TaskId | null,
  dueAt: number | null,
  finishedAt: number | null,
  result: string | null,
]

function markOf(marks: number, mark: number): 0 | 1 {
  return (marks & mark) === 0 ? 0 : 1
}
