import { SCHEMA_VERSION } from '../../src/stores/sqlite/migrations.ts'
import { openDatabase } from '../../src/stores/sqlite/open-database.ts'

/** src/stores/sqlite/schema.sql: what the migrations make of an empty database, so that a change of theirs shows. */
export function generate() {
  const db = openDatabase(undefined)
  try {
    // Indexes that come with a table, and tables that SQLite makes for itself, are not ours to show.
    const rows = db
      .prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid",
      )
      .all()
    const head = `-- The schema of the SQLite store, version ${SCHEMA_VERSION}. Made from migrations.ts by \`npm run fresh\`; a test compares it.`
    return `${head}\n\n${rows.map((row) => `${String(row['sql'])};`).join('\n\n')}\n`
  } finally {
    db.close()
  }
}
