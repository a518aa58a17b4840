/**
 * The schema, one step per entry. A step never changes once released; `schema.sql` is a dump of the result.
 *
 * - Rows are in the order of creation (see keys.ts). Finished tasks stay where they are: the partial indexes below
 *   leave them out, so that speed does not depend on what waits elsewhere or what was done (docs/decisions).
 * - The small columns come first: pruning and claims read them without touching the pages of a large input.
 * - `task.kind` stands for queue, name and version (kinds.ts), `task.marks` for several small facts (marks.ts): every column has its price.
 * - `afterword_step` holds by a task's key what its attempts have kept for later ones; `task.marks` says whether there is anything.
 * - `afterword_task_state` and the view give people and the shell readable names.
 * - The file may be the application's too: all that is ours begins with `afterword_` (docs/decisions/0016-shared-file.md).
 */
export interface Migration {
  readonly version: number
  /** The oldest schema that a running worker may have been built for and still work on the result. */
  readonly compatibleFrom: number
  /** Makes it of the version before. */
  readonly sql: string
  /** Makes the same of nothing: the steps before it, whose names may be the application's, are left out. */
  readonly fresh?: string
}

/** "Aftr": tells a file that is the store's alone from those of other applications. */
export const APPLICATION_ID = 0x41667472

/** From this version on it stands in the table `afterword_schema`; before, in what SQLite keeps for the owner of a file. */
export const OWN_NAMES_FROM = 5

/**
 * What releases below {@link OWN_NAMES_FROM} look at, in a file that is the store's alone: they find a version that they do
 * not know, and a view that says that it is not for them. Without it they would make their tables beside ours.
 */
export const ALONE = `
CREATE VIEW compatibility AS SELECT ${OWN_NAMES_FROM} AS from_version;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${OWN_NAMES_FROM};
`

/** Takes that back, when the application moves in; what it has written there itself stays. Older releases find a file of somebody else. */
export const NOT_ALONE = `
DROP VIEW IF EXISTS compatibility;
PRAGMA application_id = 0;
`

const INDEXES_5 = `
CREATE INDEX afterword_task_ready ON afterword_task (kind, priority DESC, added_at) WHERE state = 0 AND crashes < 2;
CREATE INDEX afterword_task_probation ON afterword_task (kind, added_at) WHERE state = 0 AND crashes >= 2;
CREATE INDEX afterword_task_running ON afterword_task (worker) WHERE state = 1;
CREATE INDEX afterword_task_scheduled ON afterword_task (due_at) WHERE state = 2;
CREATE INDEX afterword_task_waiting ON afterword_task (after) WHERE state = 3;
`

const SCHEMA_5 = `
CREATE TABLE afterword_schema (
  one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, from_version INTEGER NOT NULL
) STRICT;
INSERT INTO afterword_schema VALUES (1, 5, 5);
`

const STEPS_5 = `
CREATE TABLE afterword_step (
  task INTEGER NOT NULL, name TEXT NOT NULL, format INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (task, name)
) STRICT, WITHOUT ROWID;
`

const VIEW_5 = `
CREATE VIEW afterword_tasks AS
  SELECT task.id, task_state.name AS state, substr(kind.name, 1, instr(kind.name || '@', '@') - 1) AS name,
    iif(kind.name LIKE '%@%', CAST(substr(kind.name, instr(kind.name, '@') + 1) AS INTEGER), 1) AS version,
    kind.queue, priority, claims - hand_backs - deferrals AS attempt,
    crashes, hand_backs, worker, datetime(added_at / 1000.0, 'unixepoch', 'subsec') AS added_at,
    datetime(due_at / 1000.0, 'unixepoch', 'subsec') AS due_at,
    datetime(finished_at / 1000.0, 'unixepoch', 'subsec') AS finished_at, request_id, input, result, error
  FROM afterword_task AS task JOIN afterword_task_state AS task_state ON task_state.code = task.state
    JOIN afterword_kind AS kind ON kind.code = task.kind;
`

/** Every step there ever was, oldest first. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    compatibleFrom: 1,
    sql: `
CREATE TABLE task_state (code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO task_state VALUES (0, 'ready'), (1, 'running'), (2, 'scheduled'), (3, 'waiting'),
  (4, 'succeeded'), (5, 'failed'), (6, 'cancelled'), (7, 'quarantined');

CREATE TABLE task (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  state INTEGER NOT NULL,
  name TEXT NOT NULL,
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  due_at INTEGER,
  finished_at INTEGER,
  worker INTEGER,
  claims INTEGER NOT NULL,
  crashes INTEGER NOT NULL DEFAULT 0,
  hand_backs INTEGER NOT NULL DEFAULT 0,
  deferrals INTEGER NOT NULL DEFAULT 0,
  early INTEGER NOT NULL DEFAULT 0,
  suspect INTEGER NOT NULL DEFAULT 0,
  passed INTEGER NOT NULL DEFAULT 0,
  cancelling INTEGER NOT NULL DEFAULT 0,
  durable INTEGER NOT NULL,
  formats INTEGER NOT NULL,
  series TEXT,
  after TEXT,
  request_id TEXT,
  carried TEXT,
  progress TEXT,
  result TEXT,
  error TEXT,
  input TEXT NOT NULL
) STRICT;

CREATE INDEX task_ready ON task (queue, name, priority DESC, added_at) WHERE state = 0 AND crashes < 2;
CREATE INDEX task_probation ON task (queue, name, added_at) WHERE state = 0 AND crashes >= 2;
CREATE INDEX task_running ON task (worker) WHERE state = 1;
CREATE INDEX task_scheduled ON task (due_at) WHERE state = 2;
CREATE INDEX task_waiting ON task (after) WHERE state = 3;

CREATE TABLE worker (
  incarnation INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  beat INTEGER NOT NULL DEFAULT 0,
  queues TEXT NOT NULL,
  definitions TEXT NOT NULL,
  registered_at INTEGER NOT NULL
) STRICT;

CREATE TABLE paused_queue (queue TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE counter (one INTEGER PRIMARY KEY CHECK (one = 1), live INTEGER NOT NULL, waiting INTEGER NOT NULL) STRICT;
INSERT INTO counter VALUES (1, 0, 0);

CREATE TABLE compatibility (one INTEGER PRIMARY KEY CHECK (one = 1), from_version INTEGER NOT NULL) STRICT;
INSERT INTO compatibility VALUES (1, 1);

CREATE VIEW tasks AS
  SELECT task.id, task_state.name AS state, task.name, queue, priority, claims - hand_backs - deferrals AS attempt,
    crashes, hand_backs, worker, datetime(added_at / 1000.0, 'unixepoch', 'subsec') AS added_at,
    datetime(due_at / 1000.0, 'unixepoch', 'subsec') AS due_at,
    datetime(finished_at / 1000.0, 'unixepoch', 'subsec') AS finished_at, request_id, input, result, error
  FROM task JOIN task_state ON task_state.code = task.state;
`,
  },
  {
    // Half as many columns to write for each task: a number for queue and name, and one for all the small facts.
    version: 2,
    compatibleFrom: 2,
    sql: `
DROP VIEW tasks;
DROP INDEX task_ready;
DROP INDEX task_probation;
DROP INDEX task_running;
DROP INDEX task_scheduled;
DROP INDEX task_waiting;
ALTER TABLE task RENAME TO task_1;

CREATE TABLE kind (code INTEGER PRIMARY KEY, queue TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (queue, name)) STRICT;
INSERT INTO kind (queue, name) SELECT DISTINCT queue, name FROM task_1;

CREATE TABLE task (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  state INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  due_at INTEGER,
  finished_at INTEGER,
  worker INTEGER,
  claims INTEGER NOT NULL,
  crashes INTEGER NOT NULL DEFAULT 0,
  hand_backs INTEGER NOT NULL DEFAULT 0,
  deferrals INTEGER NOT NULL DEFAULT 0,
  marks INTEGER NOT NULL,
  series TEXT,
  after TEXT,
  request_id TEXT,
  carried TEXT,
  progress TEXT,
  result TEXT,
  error TEXT,
  input TEXT NOT NULL
) STRICT;
INSERT INTO task
  SELECT key, id, state, kind.code, priority, added_at, due_at, finished_at, worker, claims, crashes, hand_backs, deferrals,
    formats | (early << 8) | (suspect << 9) | (passed << 10) | (cancelling << 11) | (durable << 12),
    series, after, request_id, carried, progress, result, error, input
  FROM task_1 JOIN kind USING (queue, name);
DROP TABLE task_1;

CREATE INDEX task_ready ON task (kind, priority DESC, added_at) WHERE state = 0 AND crashes < 2;
CREATE INDEX task_probation ON task (kind, added_at) WHERE state = 0 AND crashes >= 2;
CREATE INDEX task_running ON task (worker) WHERE state = 1;
CREATE INDEX task_scheduled ON task (due_at) WHERE state = 2;
CREATE INDEX task_waiting ON task (after) WHERE state = 3;

CREATE VIEW tasks AS
  SELECT task.id, task_state.name AS state, kind.name, kind.queue, priority, claims - hand_backs - deferrals AS attempt,
    crashes, hand_backs, worker, datetime(added_at / 1000.0, 'unixepoch', 'subsec') AS added_at,
    datetime(due_at / 1000.0, 'unixepoch', 'subsec') AS due_at,
    datetime(finished_at / 1000.0, 'unixepoch', 'subsec') AS finished_at, request_id, input, result, error
  FROM task JOIN task_state ON task_state.code = task.state JOIN kind ON kind.code = task.kind;
`,
  },
  {
    // A worker built for version 2 registers without it, and is judged by the lease of whoever observes it.
    version: 3,
    compatibleFrom: 2,
    sql: `
ALTER TABLE worker ADD COLUMN lease_ms INTEGER;
`,
  },
  {
    // A version from 2 on stands behind the name in `kind.name` (see labelOf in kinds.ts): workers of the versions before leave it alone.
    version: 4,
    compatibleFrom: 2,
    sql: `
ALTER TABLE worker ADD COLUMN runtime TEXT;
DROP VIEW tasks;
CREATE VIEW tasks AS
  SELECT task.id, task_state.name AS state, substr(kind.name, 1, instr(kind.name || '@', '@') - 1) AS name,
    iif(kind.name LIKE '%@%', CAST(substr(kind.name, instr(kind.name, '@') + 1) AS INTEGER), 1) AS version,
    kind.queue, priority, claims - hand_backs - deferrals AS attempt,
    crashes, hand_backs, worker, datetime(added_at / 1000.0, 'unixepoch', 'subsec') AS added_at,
    datetime(due_at / 1000.0, 'unixepoch', 'subsec') AS due_at,
    datetime(finished_at / 1000.0, 'unixepoch', 'subsec') AS finished_at, request_id, input, result, error
  FROM task JOIN task_state ON task_state.code = task.state JOIN kind ON kind.code = task.kind;
`,
  },
  {
    // Every name has our prefix, and the version a table. The legacy way of renaming leaves views that people have made alone.
    version: 5,
    compatibleFrom: 5,
    sql: `
DROP VIEW tasks;
DROP INDEX task_ready;
DROP INDEX task_probation;
DROP INDEX task_running;
DROP INDEX task_scheduled;
DROP INDEX task_waiting;
PRAGMA legacy_alter_table = 1;
ALTER TABLE task_state RENAME TO afterword_task_state;
ALTER TABLE worker RENAME TO afterword_worker;
ALTER TABLE paused_queue RENAME TO afterword_paused_queue;
ALTER TABLE counter RENAME TO afterword_counter;
ALTER TABLE kind RENAME TO afterword_kind;
ALTER TABLE task RENAME TO afterword_task;
PRAGMA legacy_alter_table = 0;
DROP TABLE compatibility;
${SCHEMA_5}${STEPS_5}${INDEXES_5}${VIEW_5}`,
    fresh: `
CREATE TABLE afterword_task_state (code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO afterword_task_state VALUES (0, 'ready'), (1, 'running'), (2, 'scheduled'), (3, 'waiting'),
  (4, 'succeeded'), (5, 'failed'), (6, 'cancelled'), (7, 'quarantined');

CREATE TABLE afterword_worker (
  incarnation INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  beat INTEGER NOT NULL DEFAULT 0,
  queues TEXT NOT NULL,
  definitions TEXT NOT NULL,
  registered_at INTEGER NOT NULL,
  lease_ms INTEGER,
  runtime TEXT
) STRICT;

CREATE TABLE afterword_paused_queue (queue TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE afterword_counter (
  one INTEGER PRIMARY KEY CHECK (one = 1), live INTEGER NOT NULL, waiting INTEGER NOT NULL
) STRICT;
INSERT INTO afterword_counter VALUES (1, 0, 0);

CREATE TABLE afterword_kind (
  code INTEGER PRIMARY KEY, queue TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (queue, name)
) STRICT;

CREATE TABLE afterword_task (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  state INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  due_at INTEGER,
  finished_at INTEGER,
  worker INTEGER,
  claims INTEGER NOT NULL,
  crashes INTEGER NOT NULL DEFAULT 0,
  hand_backs INTEGER NOT NULL DEFAULT 0,
  deferrals INTEGER NOT NULL DEFAULT 0,
  marks INTEGER NOT NULL,
  series TEXT,
  after TEXT,
  request_id TEXT,
  carried TEXT,
  progress TEXT,
  result TEXT,
  error TEXT,
  input TEXT NOT NULL
) STRICT;
${SCHEMA_5}${STEPS_5}${INDEXES_5}${VIEW_5}`,
  },
]

/** The schema that this release writes. */
export const SCHEMA_VERSION = MIGRATIONS.at(-1)!.version
