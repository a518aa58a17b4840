/**
 * Sites of the session suite on the databases of the tests: what is alike for every library. A file beside this one says for
 * one library how its pool is made, how it inserts, and what its sessions cannot do.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import mysql from 'mysql2/promise'
import pg from 'pg'
import {
  sessionConformance,
  type SessionConformanceOptions,
  type SessionSite,
} from '../../../src/testing/session-conformance/index.ts'
import {
  mariadbDatabase,
  postgresDatabase,
  skipMariadb,
  skipPostgres,
  type TestDatabase,
} from '../../support/databases.ts'

/** So many connections the pools of the suites have. */
export const POOL_SIZE = 4

/** What one library brings to a site; the rest is the database's. */
export interface Library<Handle> extends Pick<SessionSite<Handle>, 'provider' | 'insert' | 'taken' | 'store'> {
  /** Which connection of the server a session is on: the server breaks it. */
  readonly connectionOf?: (handle: Handle) => Promise<number>
  /** Ends the pool. By default there is nothing to end. */
  readonly end?: () => Promise<unknown> | void
}

/** Where a library finds its database. */
export interface Place {
  readonly url: string
  readonly database: TestDatabase
}

type Options = Pick<SessionConformanceOptions, 'can' | 'seed'>

/** The suite on Postgres. */
export function onPostgres<Handle>(
  name: string,
  make: (place: Place) => Promise<Library<Handle>> | Library<Handle>,
  options: Options = {},
): void {
  if (skipPostgres !== false) return skipped(name, skipPostgres)
  const place = server(postgresDatabase, async ({ url }) => {
    const observer = new pg.Pool({ connectionString: url, max: 2 })
    // A pool has ended before its connections have: the one that goes with the database is told of that.
    observer.on('error', () => undefined)
    await observer.query('CREATE TABLE effect (id varchar(200) PRIMARY KEY)')
    return {
      clear: () => observer.query('TRUNCATE effect'),
      ids: async () => (await observer.query<{ id: string }>('SELECT id FROM effect')).rows.map(({ id }) => id),
      // It has ended once the function says so: with a time to wait, it does not return before that.
      kill: (connection) => observer.query('SELECT pg_terminate_backend($1, 10000)', [connection]),
      end: () => observer.end(),
    }
  })
  sessionConformance(name, async () => siteOf(await place(), make), options)
}

/** The suite on MariaDB. */
export function onMariadb<Handle>(
  name: string,
  make: (place: Place) => Promise<Library<Handle>> | Library<Handle>,
  options: Options = {},
): void {
  if (skipMariadb !== false) return skipped(name, skipMariadb)
  const place = server(mariadbDatabase, async ({ url }) => {
    const observer = mysql.createPool({ uri: url, connectionLimit: 2 })
    await observer.query('CREATE TABLE effect (id varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY)')
    return {
      clear: () => observer.query('DELETE FROM effect'),
      ids: async () => {
        const [rows] = await observer.query<mysql.RowDataPacket[]>('SELECT id FROM effect')
        return rows.map((row) => String(row['id']))
      },
      kill: (connection) => observer.query('KILL ?', [connection]),
      end: () => observer.end(),
    }
  })
  sessionConformance(name, async () => siteOf(await place(), make), options)
}

/** The suite on an SQLite file, made anew for each case. */
export function onSqlite<Handle>(
  name: string,
  make: (file: string) => Promise<Library<Handle>> | Library<Handle>,
  { can, ...options }: Options = {},
): void {
  const openSite = async (): Promise<SessionSite<Handle>> => {
    const folder = mkdtempSync(join(tmpdir(), 'afterword-sessions-'))
    const file = join(folder, 'application.db')
    const observer = new DatabaseSync(file, { timeout: 5_000 })
    observer.exec('PRAGMA journal_mode = wal; CREATE TABLE effect (id text PRIMARY KEY)')
    const { end, ...library } = await make(file)
    return {
      ...library,
      ids: () =>
        Promise.resolve(
          observer
            .prepare('SELECT id FROM effect')
            .all()
            .map(({ id }) => String(id)),
        ),
      async remove() {
        await end?.()
        observer.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }
  sessionConformance(name, openSite, { ...options, can: { parallel: false, severable: false, ...can } })
}

/** A server's database as somebody else than the library sees it. */
interface Observer {
  clear(): Promise<unknown>
  ids(): Promise<readonly string[]>
  kill(connection: number): Promise<unknown>
  end(): Promise<unknown>
}

type Server = Place & { readonly observer: Observer }

/** One database for all cases of a file, made when the first of them wants it. */
function server(make: () => Promise<TestDatabase>, observe: (database: TestDatabase) => Promise<Observer>) {
  let made: Promise<Server> | undefined
  after(async () => {
    const server = await made
    await server?.observer.end()
    await server?.database.drop()
  })
  return (): Promise<Server> => {
    made ??= make().then(async (database) => ({ url: database.url, database, observer: await observe(database) }))
    return made
  }
}

async function siteOf<Handle>(
  { observer, ...place }: Server,
  make: (place: Place) => Promise<Library<Handle>> | Library<Handle>,
): Promise<SessionSite<Handle>> {
  await observer.clear()
  const { end, connectionOf, ...library } = await make(place)
  const sever = connectionOf && { sever: (handle: Handle) => severed(observer, connectionOf(handle)) }
  return { ...library, ...sever, ids: () => observer.ids(), remove: async () => void (await end?.()) }
}

async function severed(observer: Observer, connection: Promise<number>): Promise<void> {
  await observer.kill(await connection)
}

function skipped(name: string, skip: string): void {
  describe(`Sessions (${name})`, () => test('the contract', { skip }, () => undefined))
}
