import postgres from 'postgres'
import { postgresJsSession } from '../../../src/sessions/postgres-js.ts'
import { onPostgres, POOL_SIZE } from './sites.ts'

onPostgres(
  'postgres.js',
  ({ url }) => {
    const sql = postgres(url, { max: POOL_SIZE, onnotice() {} })
    return {
      provider: postgresJsSession(sql),
      // Awaited here, for it is not begun before that.
      insert: async (tx: postgres.TransactionSql, id) => {
        await tx`INSERT INTO effect (id) VALUES (${id})`
      },
      taken: () => undefined,
      connectionOf: async (tx: postgres.TransactionSql) =>
        (await tx<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]!.pid,
      end: () => sql.end({ timeout: 5 }),
    }
  },
  // It does not tell how many of its connections are out.
  { can: { countable: false } },
)
