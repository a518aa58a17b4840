/**
 * The only SQL of the SQLite store. States by code: 0 ready, 1 running, 2 scheduled, 3 waiting, 4 to 7 final.
 * `?` parameters only, in the order of the text; no LIMIT on UPDATE or DELETE, which node:sqlite's build lacks.
 * Every change of a running task names worker and claims: what does not match changes nothing.
 */
const CLAIM_COLUMNS =
  'id, name, queue, priority, added_at, claims, crashes, hand_backs, deferrals, early, suspect, formats, series, request_id, carried, input'

/** Every statement by its name. */
export const statements = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',

  /** A key that is taken inserts nothing: the caller looks who is there. */
  insert: `INSERT INTO task (key, id, state, name, queue, priority, added_at, due_at, worker, claims, early, durable, formats,
      series, after, request_id, carried, input)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
  find: 'SELECT * FROM task WHERE key = ? AND id = ?',
  /** What an add needs to know of a row that is there already, or that it waits behind. */
  glance: 'SELECT state, passed, name, formats, input, worker, after FROM task WHERE key = ? AND id = ?',

  /** The ordinary end of an attempt. */
  succeed: `UPDATE task SET state = 4, finished_at = ?, worker = NULL, formats = formats | ?, result = ?, error = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,
  /** The same where succeeded tasks are not kept. */
  succeed_and_forget: 'DELETE FROM task WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?',
  /** failed or cancelled. */
  end: `UPDATE task SET state = ?, finished_at = ?, worker = NULL, error = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,
  /** A cancel that was asked for while it ran wins over the next attempt. */
  retry: `UPDATE task SET state = 2, due_at = ?, worker = NULL, early = 0, passed = 1, error = ?, deferrals = deferrals + ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND cancelling = 0`,
  cancel_instead: `UPDATE task SET state = 6, finished_at = ?, worker = NULL, error = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND cancelling = 1`,
  /** An attempt that was claimed ahead of its turn has begun. */
  begun: 'UPDATE task SET early = 0 WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?',
  progress: `UPDATE task SET formats = (formats & ~48) | ?, progress = ?
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,

  /** The task that waits behind `after`; its first attempt has just ended. */
  follower: `SELECT key, queue, name FROM task WHERE after = ? AND state = 3`,
  release_claimed: `UPDATE task SET state = 1, worker = ?, early = ?, claims = claims + 1
    WHERE key = ? AND state = 3 RETURNING ${CLAIM_COLUMNS}`,
  release_ready: 'UPDATE task SET state = 0 WHERE key = ? AND state = 3',
  /** A waiting task was cancelled: what waits behind it waits behind its predecessor. */
  relink: 'UPDATE task SET after = ? WHERE after = ? AND state = 3',

  promote: `UPDATE task SET state = 0, due_at = NULL
    WHERE key IN (SELECT key FROM task WHERE state = 2 AND due_at <= ? ORDER BY due_at LIMIT ?) RETURNING queue`,
  next_due: 'SELECT min(due_at) AS due_at FROM task WHERE state = 2',
  /** For each known name the head of its index, then the best of all: an unknown name in front costs nothing. */
  claim: `UPDATE task SET state = 1, worker = ?, claims = claims + 1, early = ?
    WHERE key IN (
      SELECT t.key FROM json_each(?) AS known CROSS JOIN task AS t
      WHERE t.key IN (
        SELECT key FROM task INDEXED BY task_ready
        WHERE state = 0 AND crashes < 2 AND queue = ? AND name = known.value
        ORDER BY priority DESC, added_at LIMIT ?)
      ORDER BY t.priority DESC, t.added_at, t.key LIMIT ?)
    RETURNING ${CLAIM_COLUMNS}`,
  claim_probation: `UPDATE task SET state = 1, worker = ?, claims = claims + 1
    WHERE key IN (
      SELECT key FROM task INDEXED BY task_probation
      WHERE state = 0 AND crashes >= 2 AND queue = ? AND name IN (SELECT value FROM json_each(?))
      ORDER BY added_at LIMIT 1)
    RETURNING ${CLAIM_COLUMNS}`,
  cancelling: 'SELECT id FROM task WHERE state = 1 AND worker = ? AND cancelling = 1',

  /** A claim that had not begun was no attempt: it leaves no trace in the counters that people see. */
  hand_back: `UPDATE task SET state = 0, worker = NULL, hand_backs = hand_backs + 1 - early, deferrals = deferrals + early, early = 0
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND cancelling = 0 RETURNING id, queue`,
  /** A cancel that was asked for while it ran takes the place of the hand-back. */
  cancel_back: `UPDATE task SET state = 6, finished_at = ?, worker = NULL
    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ? AND cancelling = 1 RETURNING id, passed`,
  hand_back_all: `UPDATE task SET state = 0, worker = NULL, hand_backs = hand_backs + 1 - early, deferrals = deferrals + early, early = 0
    WHERE state = 1 AND worker = ? AND cancelling = 0 RETURNING id, queue`,
  cancel_asked: `UPDATE task SET state = 6, finished_at = ?, worker = NULL
    WHERE state = 1 AND worker = ? AND cancelling = 1 RETURNING id, passed`,

  /**
   * Three times a worker died while it ran the task. What it only held, claimed ahead of its turn, was not running: that
   * counts as no crash, but makes the task suspect, so that its next attempt is written down before it begins.
   */
  quarantine: `UPDATE task SET state = 7, finished_at = ?, worker = NULL, crashes = crashes + 1, error = ?
    WHERE state = 1 AND worker = ? AND cancelling = 0 AND early = 0 AND crashes >= 2 RETURNING id, passed`,
  rescue: `UPDATE task SET state = 0, worker = NULL, crashes = crashes + 1 - early, deferrals = deferrals + early,
      suspect = max(suspect, early), early = 0
    WHERE state = 1 AND worker = ? RETURNING id, queue`,

  cancel_idle: `UPDATE task SET state = 6, finished_at = ?, due_at = NULL WHERE key = ? AND id = ? AND state IN (0, 2, 3)`,
  cancel_running: 'UPDATE task SET cancelling = 1 WHERE key = ? AND id = ? AND state = 1',
  requeue: `UPDATE task SET state = 0, finished_at = NULL, suspect = 0, crashes = 0, hand_backs = 0, deferrals = claims,
      cancelling = 0, after = NULL, result = NULL WHERE key = ? AND id = ? AND state IN (5, 6, 7)`,

  count_change: 'UPDATE counter SET live = live + ?, waiting = waiting + ?',
  counter: 'SELECT live, waiting, EXISTS (SELECT 1 FROM paused_queue) AS pausing FROM counter',
  registered: 'SELECT 1 AS found FROM worker WHERE incarnation = ?',
  /** Each state by its own index, so that the history costs nothing. */
  counts: `SELECT queue, 0 AS state, count(*) AS count FROM task INDEXED BY task_ready
      WHERE state = 0 AND crashes < 2 GROUP BY queue
    UNION ALL SELECT queue, 0, count(*) FROM task INDEXED BY task_probation WHERE state = 0 AND crashes >= 2 GROUP BY queue
    UNION ALL SELECT queue, 1, count(*) FROM task INDEXED BY task_running WHERE state = 1 GROUP BY queue
    UNION ALL SELECT queue, 2, count(*) FROM task INDEXED BY task_scheduled WHERE state = 2 GROUP BY queue
    UNION ALL SELECT queue, 3, count(*) FROM task INDEXED BY task_waiting WHERE state = 3 GROUP BY queue`,

  /**
   * Jumps from one pair of queue and name to the next, to the next name of the queue or else to the next queue. As one
   * comparison of pairs it would walk through every task of the queue up to the name.
   */
  ready_names: `WITH RECURSIVE pair (queue, name) AS (
      SELECT * FROM (SELECT queue, name FROM task INDEXED BY task_ready
        WHERE state = 0 AND crashes < 2 ORDER BY queue, name LIMIT 1)
      UNION ALL
      SELECT next.queue, next.name FROM pair, task AS next WHERE next.key = ifnull(
        (SELECT key FROM task INDEXED BY task_ready
          WHERE state = 0 AND crashes < 2 AND queue = pair.queue AND name > pair.name ORDER BY name LIMIT 1),
        (SELECT key FROM task INDEXED BY task_ready
          WHERE state = 0 AND crashes < 2 AND queue > pair.queue ORDER BY queue, name LIMIT 1)))
    SELECT queue, name FROM pair
    UNION SELECT queue, name FROM task INDEXED BY task_probation WHERE state = 0 AND crashes >= 2`,

  register: `INSERT INTO worker (name, pid, host, version, schema_version, queues, definitions, registered_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING incarnation`,
  beat: 'UPDATE worker SET beat = beat + 1 WHERE incarnation = ?',
  workers: 'SELECT * FROM worker ORDER BY incarnation',
  /** One that still holds claims stays, so that others find and rescue them. */
  retire: `DELETE FROM worker WHERE incarnation = ? AND NOT EXISTS (
      SELECT 1 FROM task INDEXED BY task_running WHERE state = 1 AND task.worker = worker.incarnation)`,
  fence: 'DELETE FROM worker WHERE incarnation = ?',

  pause: 'INSERT INTO paused_queue (queue) VALUES (?) ON CONFLICT DO NOTHING',
  resume: 'DELETE FROM paused_queue WHERE queue = ?',
  paused: 'SELECT queue FROM paused_queue',

  /** A walk in the order of keys; a finished task past its retention goes. */
  old: 'SELECT key, state, finished_at FROM task WHERE key > ? ORDER BY key LIMIT ?',
  remove: 'DELETE FROM task WHERE key = ? AND state = ? AND finished_at = ?',

  compatibility: 'SELECT from_version FROM compatibility',
  set_compatibility: 'UPDATE compatibility SET from_version = ?',
  older_workers: 'SELECT incarnation, name, pid, host, version FROM worker WHERE schema_version < ?',
  is_empty: `SELECT count(*) AS count FROM sqlite_schema`,
} as const

/** The name of a prepared statement. */
export type StatementName = keyof typeof statements
