-- The schema of the SQLite store, version 5. Made from migrations.ts by `npm run fresh`; a test compares it.

CREATE TABLE afterword_task_state (code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

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

CREATE TABLE afterword_schema (
  one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, from_version INTEGER NOT NULL
) STRICT;

CREATE TABLE afterword_step (
  task INTEGER NOT NULL, name TEXT NOT NULL, format INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (task, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX afterword_task_ready ON afterword_task (kind, priority DESC, added_at) WHERE state = 0 AND crashes < 2;

CREATE INDEX afterword_task_probation ON afterword_task (kind, added_at) WHERE state = 0 AND crashes >= 2;

CREATE INDEX afterword_task_running ON afterword_task (worker) WHERE state = 1;

CREATE INDEX afterword_task_scheduled ON afterword_task (due_at) WHERE state = 2;

CREATE INDEX afterword_task_waiting ON afterword_task (after) WHERE state = 3;

CREATE VIEW afterword_tasks AS
  SELECT task.id, task_state.name AS state, substr(kind.name, 1, instr(kind.name || '@', '@') - 1) AS name,
    iif(kind.name LIKE '%@%', CAST(substr(kind.name, instr(kind.name, '@') + 1) AS INTEGER), 1) AS version,
    kind.queue, priority, claims - hand_backs - deferrals AS attempt,
    crashes, hand_backs, worker, datetime(added_at / 1000.0, 'unixepoch', 'subsec') AS added_at,
    datetime(due_at / 1000.0, 'unixepoch', 'subsec') AS due_at,
    datetime(finished_at / 1000.0, 'unixepoch', 'subsec') AS finished_at, request_id, input, result, error
  FROM afterword_task AS task JOIN afterword_task_state AS task_state ON task_state.code = task.state
    JOIN afterword_kind AS kind ON kind.code = task.kind;
