import type { Knex } from 'knex'
import type { SessionSql, SqlRow, SqlValue } from '../model/session.ts'

/** What runs one builder of Knex. */
export interface KnexRunner {
  run(): Promise<unknown>
  stream(...args: unknown[]): unknown
}

/** What a client answers; the response is the driver's. */
export interface KnexAnswer {
  readonly response?: unknown
}

/** A transaction inside of another one. */
export interface KnexNested {
  isCompleted(): boolean
}

/** What is given a transaction inside of another one, once that has begun. */
export type KnexContainer = (nested: Knex.Transaction) => unknown

/** What is used of the client below a Knex or a transaction of it; Knex declares most of it as anything. */
export interface KnexClient {
  readonly dialect: string
  readonly config: Knex.Config & { readonly connectionPool?: unknown }
  readonly connectionSettings: { readonly filename?: string }
  readonly pool?: { readonly max?: number } | undefined
  runner(builder: unknown): KnexRunner
  query(connection: unknown, query: unknown): Promise<KnexAnswer | undefined>
  transaction(container: KnexContainer, ...rest: unknown[]): KnexNested
  acquireConnection(): Promise<KnexConnection>
  destroyRawConnection(connection: KnexConnection): Promise<void>
}

/** With a reason here, Knex does not use a connection again. */
export const DISPOSED = '__knex__disposed'

/** A connection, as the driver has it. */
export interface KnexConnection {
  [DISPOSED]?: unknown
  /** Closes it at once, where the driver (mysql2) can. */
  destroy?(): void
}

/** The client of a Knex, or of a transaction of it. */
export function clientOf(knex: Knex): KnexClient {
  return knex.client as KnexClient
}

/** What kind of database a client speaks to; undefined for one that nobody here knows. */
export function dialectOf({ dialect }: KnexClient): SessionSql['dialect'] | undefined {
  return DIALECTS.get(dialect)
}

const DIALECTS: ReadonlyMap<string, SessionSql['dialect']> = new Map([
  ['postgresql', 'postgres'],
  ['cockroachdb', 'postgres'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
  ['sqlite3', 'sqlite'],
])

/**
 * Runs a statement in a transaction, and gives its rows. It goes to the client itself: what `raw` makes of a question mark, and
 * what the application does to answers (`postProcessResponse`), is not for statements of ours.
 */
export async function runIn(
  client: KnexClient,
  sql: string,
  values: readonly SqlValue[] = [],
): Promise<readonly SqlRow[]> {
  const connection = await client.acquireConnection()
  // Here a question mark is a parameter even for Postgres, unless it is escaped.
  const text = dialectOf(client) === 'postgres' ? sql.replaceAll('?', '\\?') : sql
  const answer = await client.query(connection, { sql: text, bindings: [...values] })
  return rowsOf(answer?.response)
}

/** `pg` answers with an object that holds the rows, `mysql2` with rows and columns, SQLite with rows; all with something else where there are none. */
function rowsOf(response: unknown): readonly SqlRow[] {
  if (!Array.isArray(response)) return (response as { readonly rows?: readonly SqlRow[] } | undefined)?.rows ?? []
  const [first] = response as readonly unknown[]
  if (Array.isArray(first)) return first as readonly SqlRow[]
  return isResult(first) ? [] : (response as readonly SqlRow[])
}

/** What `mysql2` says of a statement without rows. */
function isResult(first: unknown): boolean {
  return typeof first === 'object' && first !== null && 'affectedRows' in first && 'serverStatus' in first
}
