import type { Database } from 'better-sqlite3'
import type { OpenSession } from '../model/session.ts'
import { betterSqlite3Session } from './better-sqlite3.ts'
import type { DrizzleDriver, DrizzleInternals } from './drizzle-driver.ts'
import { hasMethods } from './session-options.ts'

/**
 * Drizzle on better-sqlite3; undefined when it is on something else. Its transactions are functions that cannot wait, so the
 * transaction is one of the connection, and the handle is the database.
 */
export function drizzleOnBetterSqlite3(db: DrizzleInternals, transaction: boolean): DrizzleDriver | undefined {
  const { client } = db.session
  if (!hasMethods(client, 'prepare', 'exec', 'pragma', 'transaction')) return undefined
  const provider = betterSqlite3Session(client as Database, { transaction })
  const open = async (): Promise<OpenSession> => withHandle(db, await provider.open())
  return {
    traits: { size: provider.size, single: provider.single, file: provider.file, sqlite: 'other' },
    open,
    openWithout: open,
    sqlOf: (given) => provider.sqlOf?.(given),
  }
}

function withHandle(handle: unknown, session: OpenSession): OpenSession {
  return {
    handle,
    sql: session.sql,
    commit: () => session.commit(),
    rollback: () => session.rollback(),
    close: (broken) => session.close(broken),
  }
}
