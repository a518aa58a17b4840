import type { SessionProvider } from '../../index.ts'

/**
 * Where sessions of the kind under test live, made afresh for each case: a provider, and behind it a table
 * `effect (id varchar(200) primary key)` with nothing in it.
 */
export interface SessionSite<Handle = unknown> {
  readonly provider: SessionProvider<Handle>
  /** The store of the background, where that is to be tried with the database of the sessions. By default in memory. */
  readonly store?: string | undefined
  /** Writes one row through the library, in the session. */
  insert(handle: Handle, id: string): Promise<unknown>
  /** The rows as somebody else sees them, outside of any session. */
  ids(): Promise<readonly string[]>
  /** How many connections are out of the pool at this moment. Undefined where nobody can tell: then it is not `countable`. */
  taken(): number | Promise<number> | undefined
  /** Breaks the connection of the session that is open, as a network would. Without it the sessions are not `severable`. */
  sever?(handle: Handle): Promise<void>
  /** Removes what the case has left behind; all sessions are closed by then. */
  remove(): Promise<void>
}

/** What sessions of one kind can do, and what is known of them; the suite skips by name what they cannot. By default all of it. */
export interface SessionCapabilities {
  /** Several can be open beside each other. False: `size` is 1, and they wait for each other. */
  readonly parallel: boolean
  /** Queries are answered later, and `running` counts those without an answer. */
  readonly asynchronous: boolean
  /** They have `sql`, so that a row of outcome can be written with the effects. */
  readonly recordable: boolean
  /** The provider finds the way into a transaction of its library (`sqlOf`). */
  readonly recognizable: boolean
  /** The site can break the connection of one (`sever`). */
  readonly severable: boolean
  /** The site knows how many are out of the pool (`taken`). */
  readonly countable: boolean
}
