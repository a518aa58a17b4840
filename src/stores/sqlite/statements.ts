import { CANARY_QUEUE } from '../../model/canary.ts'
import { CANCELLING, EARLY, formatMask, PASSED, STEPS, SUSPECT } from './marks.ts'

/**
 * The only SQL of the SQLite store. States by code: 0 ready, 1 running, 2 scheduled, 3 waiting, 4 to 7 final.
 * `?` parameters only, in the order of the text; no LIMIT on UPDATE or DELETE, which node:sqlite's build lacks.
 * Every change of a running task names worker and claims: what does not match changes nothing.
 */
const CLAIM_COLUMNS =
  'key, id, kind, priority, added_at, claims, crashes, hand_backs, deferrals, marks, series, request_id, carried, input'

const INSERT_INTO = `INSERT INTO afterword_task (key, id, state, kind, priority, added_at, due_at, worker, claims, marks,
      series, after, request_id, carried, input)`

/** The values of one inserted row. */
export const INSERT_COLUMNS = 15
/** Rows that `insert_group` takes. */
export const INSERT_GROUP = 8

const ROW = `(${Array.from({ length: INSERT_COLUMNS }, () => '?').join(', ')})`

/** Values that all rows of an `insert_…_alike` share. */
export const ALIKE_SHARED = 6
/** Values that each of them has for itself. */
export const ALIKE_COLUMNS = 5

/**
 * Rows that differ in key, id, time, request and input only: a third of the values, which is what a row costs most. Not by
 * numbered parameters: they have names, and binding looks through all of them for each.
 */
function insertAlike(rows: number): string {
  const row = `(${Array.from({ length: ALIKE_COLUMNS }, () => '?').join(', ')})`
  return `INSERT INTO afterword_task (state, kind, priority, worker, claims, marks, key, id, added_at, request_id, input)
    SELECT * FROM (SELECT ${Array.from({ length: ALIKE_SHARED }, () => '?').join(', ')})
    CROSS JOIN (VALUES ${Array.from({ length: rows }, () => row).join(', ')})`
}

/** A claim that had not begun was no attempt: it leaves no trace in the counters that people see. */
const HANDED_BACK = `hand_backs = hand_backs + (marks & ${EARLY} = 0), deferrals = deferrals + (marks & ${EARLY} <> 0),
      marks = marks & ~${EARLY}`

const LIST_COLUMNS = 'key, id, state, kind, series, request_id'

/** The newest tasks of a live state: their keys from its index, which is run over once, then these rows alone. */
function newestIn(index: string, condition: string): string {
  return `SELECT ${LIST_COLUMNS} FROM afterword_task WHERE key IN (
      SELECT key FROM afterword_task INDEXED BY ${index} WHERE ${condition} AND key < ? ORDER BY key DESC LIMIT ?)
    ORDER BY key DESC`
}

/** Every statement by its name. */
export const statements = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',

  /** A key that is taken inserts nothing: the caller looks who is there. */
  insert: `${INSERT_INTO} VALUES ${ROW} ON CONFLICT (key) DO NOTHING`,
  /** All or none: a key that is taken is an error, which takes back the statement and nothing else. */
  insert_group: `${INSERT_INTO} VALUES ${Array.from({ length: INSERT_GROUP }, () => ROW).join(', ')}`,
  insert_16_alike: insertAlike(16),
  insert_4_alike: insertAlike(4),
  find: 'SELECT * FROM afterword_task WHERE key = ? AND id = ?',
  /** What an add needs to know of a row that is there already, or that it waits behind. */
  glance: 'SELECT state, kind, marks, claims, input, after FROM afterword_task WHERE key = ? AND id = ?',

  list: `SELECT ${LIST_COLUMNS} FROM afterword_task WHERE key < ? ORDER BY key DESC LIMIT ?`,
  list_ready: newestIn('afterword_task_ready', 'state = 0 AND crashes < 2'),
  list_probation: newestIn('afterword_task_probation', 'state = 0 AND crashes >= 2'),
  list_running: newestIn('afterword_task_running', 'state = 1'),
  list_scheduled: newestIn('afterword_task_scheduled', 'state = 2'),
  list_waiting: newestIn('afterword_task_waiting', 'state = 3'),

  /** The ordinary end of an attempt. */
  succeed: `UPDATE afterword_task SET state = 4, finished_at = ?, worker = NULL, marks = marks | ?, result = ?, error = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,
  /** The same where succeeded tasks are not kept; with the second one goes what attempts have kept, so that the first costs no more. */
  succeed_and_forget: `DELETE FROM afterword_task
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${STEPS} = 0`,
  succeed_and_forget_steps: `DELETE FROM afterword_task
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${STEPS} <> 0`,
  /**
   * Both for rows side by side, which succeeded without a word. Every key from the first to the last is one of them, and none that is
   * removed leaves something behind.
   */
  succeed_run: `UPDATE afterword_task NOT INDEXED SET state = 4, finished_at = ?, worker = NULL, result = NULL, error = NULL
    WHERE key BETWEEN ? AND ? AND state = 1 AND worker = ? AND claims = ?`,
  succeed_run_and_forget: `DELETE FROM afterword_task NOT INDEXED
    WHERE key BETWEEN ? AND ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${STEPS} = 0`,
  savepoint: 'SAVEPOINT run',
  rollback_to_savepoint: 'ROLLBACK TO run',
  release_savepoint: 'RELEASE run',
  /** failed or cancelled. */
  end: `UPDATE afterword_task SET state = ?, finished_at = ?, worker = NULL, error = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,
  /** A cancel that was asked for while it ran wins over the next attempt. */
  retry: `UPDATE afterword_task SET state = 2, due_at = ?, worker = NULL, marks = (marks & ~${EARLY}) | ${PASSED}, error = ?,
      deferrals = deferrals + ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${CANCELLING} = 0`,
  cancel_instead: `UPDATE afterword_task SET state = 6, finished_at = ?, worker = NULL, error = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${CANCELLING} <> 0`,
  /** An attempt that was claimed ahead of its turn has begun. */
  begun: `UPDATE afterword_task SET marks = marks & ~${EARLY}
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,
  progress: `UPDATE afterword_task SET marks = (marks & ~${formatMask('progress')}) | ?, progress = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,

  /** An attempt keeps values for later ones: first that there are any. */
  mark_steps: `UPDATE afterword_task SET marks = marks | ${STEPS}
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,
  /** What is there already stays. */
  keep_step: 'INSERT INTO afterword_step (task, name, format, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  steps: `SELECT name, format, value FROM afterword_step
    WHERE task = (SELECT key FROM afterword_task WHERE key = ? AND id = ?)`,
  forget_steps: 'DELETE FROM afterword_step WHERE task = ?',

  /** The task that waits behind `after`; its first attempt has just ended. */
  follower: `SELECT key, kind FROM afterword_task WHERE after = ? AND state = 3`,
  release_claimed: `UPDATE afterword_task SET state = 1, worker = ?, marks = marks | ?, claims = claims + 1
    WHERE key = ? AND state = 3 RETURNING ${CLAIM_COLUMNS}`,
  release_ready: 'UPDATE afterword_task SET state = 0 WHERE key = ? AND state = 3',
  /** A waiting task was cancelled: what waits behind it waits behind its predecessor. */
  relink: 'UPDATE afterword_task SET after = ? WHERE after = ? AND state = 3',

  promote: `UPDATE afterword_task SET state = 0, due_at = NULL
    WHERE key IN (SELECT key FROM afterword_task WHERE state = 2 AND due_at <= ? ORDER BY due_at LIMIT ?) RETURNING kind`,
  next_due: 'SELECT min(due_at) AS due_at FROM afterword_task WHERE state = 2',
  /**
   * For each known label the head of its index, then the best of all: an unknown one in front costs nothing. With what a worker has
   * died before counts as begun when that is written, whatever place it has: what had not begun is charged one crash at most.
   */
  claim: `UPDATE afterword_task SET state = 1, worker = ?, claims = claims + 1, marks = marks | iif(crashes > 0, ${EARLY}, ?)
    WHERE key IN (
      SELECT t.key FROM json_each(?) AS known
      CROSS JOIN afterword_kind AS k ON k.queue = ? AND k.name = known.value CROSS JOIN afterword_task AS t
      WHERE t.key IN (
        SELECT key FROM afterword_task INDEXED BY afterword_task_ready
        WHERE state = 0 AND crashes < 2 AND kind = k.code
        ORDER BY priority DESC, added_at LIMIT ?)
      ORDER BY t.priority DESC, t.added_at, t.key LIMIT ?)
    RETURNING ${CLAIM_COLUMNS}`,
  claim_probation: `UPDATE afterword_task SET state = 1, worker = ?, claims = claims + 1, marks = marks | ${EARLY}
    WHERE key IN (
      SELECT key FROM afterword_task INDEXED BY afterword_task_probation
      WHERE state = 0 AND crashes >= 2
        AND kind IN (SELECT code FROM afterword_kind WHERE queue = ? AND name IN (SELECT value FROM json_each(?)))
      ORDER BY added_at LIMIT 1)
    RETURNING ${CLAIM_COLUMNS}`,
  cancelling: `SELECT id FROM afterword_task WHERE state = 1 AND worker = ? AND marks & ${CANCELLING} <> 0`,

  hand_back: `UPDATE afterword_task SET state = 0, worker = NULL, ${HANDED_BACK}
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${CANCELLING} = 0 RETURNING id, kind`,
  /** A cancel that was asked for while it ran takes the place of the hand-back. */
  cancel_back: `UPDATE afterword_task SET state = 6, finished_at = ?, worker = NULL
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND marks & ${CANCELLING} <> 0 RETURNING id, marks`,
  hand_back_all: `UPDATE afterword_task SET state = 0, worker = NULL, ${HANDED_BACK}
    WHERE state = 1 AND worker = ? AND marks & ${CANCELLING} = 0 RETURNING id, kind`,
  cancel_asked: `UPDATE afterword_task SET state = 6, finished_at = ?, worker = NULL
    WHERE state = 1 AND worker = ? AND marks & ${CANCELLING} <> 0 RETURNING id, marks`,

  /**
   * Three times a worker died while it ran the task. What it only held, claimed ahead of its turn, was not running: that
   * counts as no crash, but makes the task suspect, so that its next attempt is written down before it begins.
   */
  quarantine: `UPDATE afterword_task SET state = 7, finished_at = ?, worker = NULL, crashes = crashes + 1, error = ?
    WHERE state = 1 AND worker = ? AND marks & ${CANCELLING | EARLY} = 0 AND crashes >= 2 RETURNING id, marks`,
  rescue: `UPDATE afterword_task SET state = 0, worker = NULL, crashes = crashes + (marks & ${EARLY} = 0),
      deferrals = deferrals + (marks & ${EARLY} <> 0), marks = iif(marks & ${EARLY}, (marks & ~${EARLY}) | ${SUSPECT}, marks)
    WHERE state = 1 AND worker = ? RETURNING id, kind`,

  cancel_idle: `UPDATE afterword_task SET state = 6, finished_at = ?, due_at = NULL WHERE key = ? AND id = ? AND state IN (0, 2, 3)`,
  cancel_running: `UPDATE afterword_task SET marks = marks | ${CANCELLING} WHERE key = ? AND id = ? AND state = 1`,
  requeue: `UPDATE afterword_task SET state = 0, finished_at = NULL, marks = (marks & ~${EARLY | SUSPECT | CANCELLING}) | ${PASSED},
      crashes = 0, hand_backs = 0, deferrals = claims, after = NULL, result = NULL
    WHERE key = ? AND id = ? AND state IN (5, 6, 7)`,
  /** The same for one that was cancelled as it waited, while somebody before it holds back others still. */
  rejoin: `UPDATE afterword_task SET state = 3, finished_at = NULL, after = ? WHERE key = ? AND id = ? AND state = 6`,

  count_change: 'UPDATE afterword_counter SET live = live + ?, waiting = waiting + ?',
  /** What every write begins with. */
  standing: `SELECT live, waiting, EXISTS (SELECT 1 FROM afterword_paused_queue) AS pausing,
      EXISTS (SELECT 1 FROM afterword_worker WHERE incarnation = ?) AS registered FROM afterword_counter`,
  /** Each state by its own index, so that the history costs nothing. */
  counts: `SELECT kind, 0 AS state, count(*) AS count FROM afterword_task INDEXED BY afterword_task_ready
      WHERE state = 0 AND crashes < 2 GROUP BY kind
    UNION ALL SELECT kind, 0, count(*) FROM afterword_task INDEXED BY afterword_task_probation
      WHERE state = 0 AND crashes >= 2 GROUP BY kind
    UNION ALL SELECT kind, 1, count(*) FROM afterword_task INDEXED BY afterword_task_running WHERE state = 1 GROUP BY kind
    UNION ALL SELECT kind, 2, count(*) FROM afterword_task INDEXED BY afterword_task_scheduled WHERE state = 2 GROUP BY kind
    UNION ALL SELECT kind, 3, count(*) FROM afterword_task INDEXED BY afterword_task_waiting WHERE state = 3 GROUP BY kind`,
  /** A look into each index for each kind, however many tasks there are. */
  ready_kinds: `SELECT code FROM afterword_kind AS k
    WHERE EXISTS (SELECT 1 FROM afterword_task INDEXED BY afterword_task_ready WHERE state = 0 AND crashes < 2 AND kind = k.code)
      OR EXISTS (SELECT 1 FROM afterword_task INDEXED BY afterword_task_probation WHERE state = 0 AND crashes >= 2 AND kind = k.code)`,

  kind: 'SELECT queue, name FROM afterword_kind WHERE code = ?',
  kind_code: 'SELECT code FROM afterword_kind WHERE queue = ? AND name = ?',
  add_kind: 'INSERT INTO afterword_kind (queue, name) VALUES (?, ?) RETURNING code',

  register: `INSERT INTO afterword_worker
      (name, pid, host, version, schema_version, queues, definitions, registered_at, lease_ms, runtime)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING incarnation`,
  beat: 'UPDATE afterword_worker SET beat = beat + 1 WHERE incarnation = ?',
  workers: 'SELECT * FROM afterword_worker ORDER BY incarnation',
  /** One that still holds claims stays, so that others find and rescue them. */
  retire: `DELETE FROM afterword_worker WHERE incarnation = ? AND NOT EXISTS (
      SELECT 1 FROM afterword_task AS t INDEXED BY afterword_task_running WHERE state = 1 AND t.worker = afterword_worker.incarnation)`,
  fence: 'DELETE FROM afterword_worker WHERE incarnation = ?',
  /** Those that are nobody's any more; a crash with one is never counted, for it is claimed ahead of its turn. */
  remove_canaries: `DELETE FROM afterword_task INDEXED BY afterword_task_ready
    WHERE state = 0 AND crashes < 2 AND kind IN (SELECT code FROM afterword_kind WHERE queue = '${CANARY_QUEUE}') RETURNING id`,

  pause: 'INSERT INTO afterword_paused_queue (queue) VALUES (?) ON CONFLICT DO NOTHING',
  resume: 'DELETE FROM afterword_paused_queue WHERE queue = ?',
  paused: 'SELECT queue FROM afterword_paused_queue',

  /** A walk in the order of keys; a finished task past its retention goes. */
  old: 'SELECT key, id, state, finished_at, marks FROM afterword_task WHERE key > ? ORDER BY key LIMIT ?',
  remove: 'DELETE FROM afterword_task WHERE key = ? AND state = ? AND finished_at = ?',

  /** Of anybody, with indexes and views. */
  tables: 'SELECT count(*) AS count FROM sqlite_schema',
  tables_of_others: `SELECT count(*) AS count FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'afterword~_%' ESCAPE '~' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'`,
  own_schema: "SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table' AND name = 'afterword_schema'",
  schema: 'SELECT version, from_version FROM afterword_schema',
  set_schema: 'UPDATE afterword_schema SET version = ?, from_version = ?',
  older_workers: 'SELECT incarnation, name, pid, host, version FROM afterword_worker WHERE schema_version < ?',
  log_size: 'PRAGMA wal_checkpoint(NOOP)',
  move_log: 'PRAGMA wal_checkpoint(PASSIVE)',
} as const

/** What is asked of a file of a schema below 5, whose tables have no prefix. */
export const statementsBefore5 = {
  compatibility: 'SELECT from_version FROM compatibility',
  set_compatibility: 'UPDATE compatibility SET from_version = ?',
  older_workers: 'SELECT incarnation, name, pid, host, version FROM worker WHERE schema_version < ?',
} as const

/** The name of a prepared statement. */
export type StatementName = keyof typeof statements
