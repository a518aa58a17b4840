import Database, { type Database as Connection } from 'better-sqlite3'
import { betterSqlite3Session } from '../../../src/sessions/better-sqlite3.ts'
import { onSqlite } from './sites.ts'

onSqlite(
  'better-sqlite3',
  (file) => {
    const database = new Database(file)
    return {
      provider: betterSqlite3Session(database),
      insert: async (session: Connection, id) => session.prepare('INSERT INTO effect (id) VALUES (?)').run(id),
      taken: () => (database.inTransaction ? 1 : 0),
      end: () => void database.close(),
    }
  },
  { can: { asynchronous: false } },
)
