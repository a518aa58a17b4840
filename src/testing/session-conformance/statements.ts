/** The SQL that the suite sends through `SessionSql`: statements of the kinds that Afterword sends itself. */
const POSTGRES = {
  write: 'INSERT INTO effect (id) VALUES ($1)',
  /** Gives a row when it has written. */
  writeOnce: 'INSERT INTO effect (id) VALUES ($1) ON CONFLICT (id) DO NOTHING RETURNING id',
  find: 'SELECT id FROM effect WHERE id = $1',
  /** A placeholder has a number: it may come out of turn, and again. */
  echo: 'SELECT CAST($2 AS text) AS second, CAST($1 AS text) AS first, CAST($2 AS text) AS again',
  count: 'SELECT CAST(CAST($1 AS bigint) AS text) AS count',
}

const SQLITE: typeof POSTGRES = {
  write: 'INSERT INTO effect (id) VALUES (?)',
  writeOnce: 'INSERT INTO effect (id) VALUES (?) ON CONFLICT (id) DO NOTHING RETURNING id',
  find: 'SELECT id FROM effect WHERE id = ?',
  echo: 'SELECT CAST(? AS text) AS first, CAST(? AS text) AS second',
  count: 'SELECT CAST(CAST(? AS integer) AS text) AS count',
}

const MYSQL: typeof POSTGRES = {
  ...SQLITE,
  writeOnce: 'INSERT IGNORE INTO effect (id) VALUES (?)',
  echo: 'SELECT CAST(? AS char) AS first, CAST(? AS char) AS second',
  count: 'SELECT CAST(CAST(? AS signed) AS char) AS count',
}

/** Every statement by its dialect and its name. */
export const statements = { postgres: POSTGRES, mysql: MYSQL, sqlite: SQLITE } as const
