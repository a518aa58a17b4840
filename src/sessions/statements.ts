/**
 * The only SQL of the sessions: the table in the application's database that says which attempts have committed there. The key is
 * the task's id and when it was added, for an id of the application's own may be added again once its task is forgotten.
 */
const POSTGRES = {
  create: `CREATE TABLE IF NOT EXISTS afterword_outcome (task_id text NOT NULL, added_at bigint NOT NULL, claims integer NOT NULL,
    outcome text NOT NULL, recorded_at bigint NOT NULL, PRIMARY KEY (task_id, added_at))`,
  index: 'CREATE INDEX IF NOT EXISTS afterword_outcome_recorded ON afterword_outcome (recorded_at)',
  look: 'SELECT 1 AS one FROM afterword_outcome WHERE task_id IS NULL',
  find: 'SELECT claims, outcome FROM afterword_outcome WHERE task_id = $1 AND added_at = $2',
  /** Waits for a transaction that has the same key and is not decided yet; gives no row when that was committed. */
  record: `INSERT INTO afterword_outcome (task_id, added_at, claims, outcome, recorded_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (task_id, added_at) DO NOTHING RETURNING claims`,
  /** For one trip together with the commit, which a conflict has to prevent. */
  record_or_fail:
    'INSERT INTO afterword_outcome (task_id, added_at, claims, outcome, recorded_at) VALUES ($1, $2, $3, $4, $5)',
  old: 'SELECT task_id, added_at FROM afterword_outcome WHERE recorded_at < $1 ORDER BY recorded_at LIMIT 200',
  remove: 'DELETE FROM afterword_outcome WHERE task_id = $1 AND added_at = $2',
}

const SQLITE: typeof POSTGRES = {
  create: `CREATE TABLE IF NOT EXISTS afterword_outcome (task_id TEXT NOT NULL, added_at INTEGER NOT NULL, claims INTEGER NOT NULL,
    outcome TEXT NOT NULL, recorded_at INTEGER NOT NULL, PRIMARY KEY (task_id, added_at)) STRICT, WITHOUT ROWID`,
  index: POSTGRES.index,
  look: POSTGRES.look,
  find: 'SELECT claims, outcome FROM afterword_outcome WHERE task_id = ? AND added_at = ?',
  record: `INSERT INTO afterword_outcome (task_id, added_at, claims, outcome, recorded_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (task_id, added_at) DO NOTHING RETURNING claims`,
  record_or_fail:
    'INSERT INTO afterword_outcome (task_id, added_at, claims, outcome, recorded_at) VALUES (?, ?, ?, ?, ?)',
  old: 'SELECT task_id, added_at FROM afterword_outcome WHERE recorded_at < ? ORDER BY recorded_at LIMIT 200',
  remove: 'DELETE FROM afterword_outcome WHERE task_id = ? AND added_at = ?',
}

/** MySQL has no RETURNING, and in its default isolation a plain SELECT sees the past: who was first is read under a lock. */
const MYSQL: typeof POSTGRES & { readonly who: string } = {
  create: `CREATE TABLE IF NOT EXISTS afterword_outcome (task_id varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    added_at bigint NOT NULL, claims int NOT NULL, outcome longtext CHARACTER SET utf8mb4 NOT NULL, recorded_at bigint NOT NULL,
    PRIMARY KEY (task_id, added_at), INDEX afterword_outcome_recorded (recorded_at)) ENGINE = InnoDB`,
  index: 'SELECT 1 AS one',
  look: POSTGRES.look,
  find: SQLITE.find,
  record:
    'INSERT IGNORE INTO afterword_outcome (task_id, added_at, claims, outcome, recorded_at) VALUES (?, ?, ?, ?, ?)',
  record_or_fail: SQLITE.record_or_fail,
  who: 'SELECT claims, outcome FROM afterword_outcome WHERE task_id = ? AND added_at = ? FOR UPDATE',
  old: SQLITE.old,
  remove: SQLITE.remove,
}

/** Every statement by its dialect and its name. */
export const statements = { postgres: POSTGRES, mysql: MYSQL, sqlite: SQLITE } as const
