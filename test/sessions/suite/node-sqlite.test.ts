import { DatabaseSync } from 'node:sqlite'
import { nodeSqliteSession } from '../../../src/sessions/node-sqlite.ts'
import { onSqlite } from './sites.ts'

onSqlite(
  'node:sqlite',
  (file) => {
    const database = new DatabaseSync(file)
    return {
      provider: nodeSqliteSession(database),
      insert: async (session: DatabaseSync, id) => session.prepare('INSERT INTO effect (id) VALUES (?)').run(id),
      taken: () => (database.isTransaction ? 1 : 0),
      end: () => database.close(),
    }
  },
  { can: { asynchronous: false } },
)
