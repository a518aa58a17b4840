import { type DrizzleDriver, type DrizzleInternals, onClient, openOnHeld } from './drizzle-driver.ts'
import { HeldPgClient, isPgTransaction, pgSql } from './pg-client.ts'
import { isPgPool } from './pg.ts'
import { beginOptions, isPostgresJs, isPostgresJsTransaction, openPostgresJs, postgresJsSql } from './postgres-js.ts'
import type { Isolation } from './session-options.ts'

/** Drizzle on a pool of `pg`; undefined when it is on something else. */
export function drizzleOnPg(db: DrizzleInternals, isolation: Isolation): DrizzleDriver | undefined {
  const pool = db.session.client
  if (!isPgPool(pool)) return undefined
  return {
    traits: { size: pool.options.max },
    open: async () => openOnHeld(db, new HeldPgClient(await pool.connect(), 'drizzle'), isolation),
    sqlOf: (client) => (isPgTransaction(client) ? pgSql(client) : undefined),
  }
}

/** Drizzle on postgres.js; undefined when it is on something else. */
export function drizzleOnPostgresJs(db: DrizzleInternals, isolation: Isolation): DrizzleDriver | undefined {
  const sql = db.session.client
  if (!isPostgresJs(sql)) return undefined
  return {
    traits: { size: sql.options.max },
    open: () =>
      openPostgresJs(
        'drizzle',
        (follow, body) => {
          let tx: ReturnType<typeof follow>
          const client = {
            begin: (callback: (tx: unknown) => Promise<void>) =>
              sql.begin(beginOptions(isolation), (begun) => callback((tx = follow(begun)))),
          }
          return onClient(db, client).transaction((handle) => body({ tx, handle }))
        },
        sql,
      ),
    sqlOf: (client) => (isPostgresJsTransaction(client) ? postgresJsSql(client, sql) : undefined),
  }
}
