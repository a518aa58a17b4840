import { DatabaseSync } from 'node:sqlite'
import { nodeSqliteSession } from '../../../src/sessions/node-sqlite.ts'
import { type Library, onSqlite } from './sites.ts'

function nodeSqlite(file: string): Library<DatabaseSync> {
  const database = new DatabaseSync(file)
  return {
    provider: nodeSqliteSession(database),
    insert: async (session, id) => session.prepare('INSERT INTO effect (id) VALUES (?)').run(id),
    taken: () => (database.isTransaction ? 1 : 0),
    end: () => database.close(),
  }
}

const options = { can: { asynchronous: false } }

onSqlite('node:sqlite', nodeSqlite, options)
onSqlite('node:sqlite, in the file of the store', (file) => ({ ...nodeSqlite(file), store: `sqlite:${file}` }), options)
