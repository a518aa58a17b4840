import type { DatabaseSync } from 'node:sqlite'
import type { RegisteredSessions } from './register.ts'

/** What a statement may hold, whatever the driver. */
export type SqlValue = string | number | bigint | null

/** A row, by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>

/** How statements of Afterword get into a session's own transaction. */
export interface SessionSql {
  readonly dialect: 'postgres' | 'mysql' | 'sqlite'
  /** Runs one statement there. Placeholders are `$1`, `$2`, … for `postgres` and `?` else. Gives the rows; none where there are none. */
  query(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> | readonly SqlRow[]
  /** The connection itself, when it is one of `node:sqlite`: an SQLite store in the same file writes through it. */
  readonly database?: DatabaseSync | undefined
}

/** A session that is open: one unit of work on one connection. */
export interface OpenSession<Handle = unknown> {
  /** What `run`, or the handler of a request, works with. */
  readonly handle: Handle
  /** Without it nothing is recorded beside the effects: a crash at the wrong moment repeats them. */
  readonly sql?: SessionSql | undefined
  /** Makes what was done permanent. Called at most once, never for a provider with `transaction: false`. */
  commit(): Promise<unknown> | void
  /**
   * As `commit`, and called instead of it, with a last statement of Afterword in the same trip to the server. It has to fail for
   * the transaction to be taken back: where it does, nothing is committed and what the database says of it is thrown.
   */
  commitWith?(sql: string, values: readonly SqlValue[]): Promise<unknown>
  /** Takes back what was done. As `commit`; also after a commit that failed. */
  rollback(): Promise<unknown> | void
  /**
   * Gives back all that it holds; always called, last. `broken`: the state of the connection is unknown, so nobody may use it
   * again, and whatever it is doing need not be waited for.
   */
  close(broken: boolean): Promise<unknown> | void
  /** How many queries were begun and have no answer yet, as far as it can tell. */
  running?(): number
  /** Whether a value that the handle gives is a way into the session, so that it is refused after the end as the handle is: a repository. */
  isPart?(value: object): boolean
}

/** Opens sessions on one database: what the option `sessions` takes, by a name of your own. */
export interface SessionProvider<Handle = unknown> {
  /** The library, for errors: `pg`, `drizzle`. */
  readonly library: string
  /** False: a session is a connection without a transaction around it; nothing is committed, rolled back or recorded beside it. */
  readonly transaction: boolean
  /** False: no row beside the effects says what an attempt has committed. By default true; it means something only with `sql`. */
  readonly outcomes?: boolean | undefined
  /** How many sessions can be open at once. Undefined: unknown, or as many as one likes. */
  readonly size?: number | undefined
  /** True: it is one connection by nature, for which sessions wait in turn; a `size` of 1 is no oversight then. */
  readonly single?: boolean | undefined
  /** The file, when it is one of SQLite; undefined in memory and for servers. */
  readonly file?: string | undefined
  /** The SQLite that opens it: `node` is that of `node:sqlite`, which may open the file of the store. By default as `library` says. */
  readonly sqlite?: 'node' | 'other' | undefined
  /** Takes a connection, waiting for one as long as it takes, and begins the transaction. */
  open(): Promise<OpenSession<Handle>> | OpenSession<Handle>
  /** A way into a transaction that the application has begun with this library by itself; undefined for what is none of it. */
  sqlOf?(transaction: unknown): SessionSql | undefined
}

/** What `createBackground({ sessions })` and `defineTask({ sessions })` take. */
export type SessionProviders = Readonly<Record<string, SessionProvider>>

/** What a provider's sessions are to work with. */
export type HandleOf<P> = P extends SessionProvider<infer Handle> ? Handle : never

/** A session for each provider, opened when it is first asked for. */
export type Sessions<P> = { readonly [Name in keyof P]: Promise<HandleOf<P[Name]>> }

/** The sessions that a task sees: those of its definition, and those of the background as far as they were registered. */
export type SessionsOf<Own> = string extends keyof Own
  ? Sessions<RegisteredSessions>
  : string extends keyof RegisteredSessions
    ? Sessions<Own>
    : Sessions<Own> & Sessions<Omit<RegisteredSessions, keyof Own>>
