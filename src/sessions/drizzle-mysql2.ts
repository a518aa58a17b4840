import type { Connection, Pool } from 'mysql2/promise'
import { type DrizzleDriver, type DrizzleInternals, openOnHeld } from './drizzle-driver.ts'
import { HeldMysql2Connection, mysql2Sql } from './mysql2-connection.ts'
import { hasMethods, type Isolation } from './session-options.ts'

/** Drizzle on a pool of mysql2; undefined when it is on something else. */
export function drizzleOnMysql2(db: DrizzleInternals, isolation: Isolation): DrizzleDriver | undefined {
  const pool = db.session.client
  if (!isPool(pool)) return undefined
  return {
    traits: { size: pool.pool.config.connectionLimit },
    open: async () => openOnHeld(db, new HeldMysql2Connection(await pool.getConnection(), 'drizzle'), isolation),
    sqlOf: (client) => (isConnection(client) ? mysql2Sql(client) : undefined),
  }
}

function isPool(
  given: unknown,
): given is Pool & { readonly pool: { readonly config: { readonly connectionLimit: number } } } {
  return hasMethods(given, 'getConnection', 'query', 'execute') && !hasMethods(given, 'promise')
}

function isConnection(given: unknown): given is Connection {
  return hasMethods(given, 'query', 'execute', 'beginTransaction', 'unprepare')
}
