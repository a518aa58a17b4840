import { resolve } from 'node:path'
import type { DataSource, EntityManager, QueryRunner } from 'typeorm'
import { AfterwordError } from '../model/errors.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import { beginWhenFree } from './begin-when-free.ts'
import { Calls, counted } from './counted.ts'
import { EndedEarly, SAVEPOINT } from './ended-early.ts'
import { checkObject, isolation, SESSION_ENTRIES } from './session-options.ts'
import { type BetterSqlite3, betterSqlite3Below, type SqliteBelow } from './sqlite-below.ts'
import { Turns } from './turns.ts'

/** The options of {@link typeormSession}. */
export const TYPEORM_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: {
    is: isolation,
    default: undefined,
    says: "The isolation level. By default the data source's. Not for SQLite.",
  },
})

const LIBRARY = 'typeorm'
const EXPECTED = 'a DataSource of typeorm for postgres, mysql, mariadb or better-sqlite3'
const DIALECTS: Readonly<Record<string, SessionSql['dialect']>> = {
  postgres: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  'better-sqlite3': 'sqlite',
}
/** So many connections the pools below TypeORM have when nobody says. */
const POOL_SIZE = 10

/** Whose turn it is, by data source, where there is one connection. */
const turnsOf = new WeakMap<DataSource, Turns>()

/**
 * Sessions of TypeORM: a query runner of your data source for each, with a transaction around it; you work with its
 * EntityManager, and with the repositories that it gives.
 *
 * ```ts
 * createBackground({ sessions: { db: typeormSession(dataSource) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db.getRepository(Account).save(account)
 * ```
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function typeormSession(
  dataSource: DataSource,
  options: OptionsGiven<typeof TYPEORM_OPTIONS> = {},
): SessionProvider<EntityManager> {
  checkObject('typeormSession', EXPECTED, dataSource, 'createQueryRunner', 'createEntityManager', 'initialize')
  const { type } = dataSource.options
  const dialect = DIALECTS[type]
  if (dialect === undefined) {
    const got = `one for ${type}`
    throw new AfterwordError('SESSION_WRONG_OBJECT', { where: 'typeormSession', expected: EXPECTED, got })
  }
  const { transaction, outcomes, isolation } = TYPEORM_OPTIONS.parse('typeormSession', options)
  const level = isolation?.toUpperCase() as 'READ COMMITTED' | undefined
  const turns = turnsOf.get(dataSource) ?? new Turns()
  turnsOf.set(dataSource, turns)
  return {
    library: LIBRARY,
    transaction,
    outcomes,
    size: dialect === 'sqlite' ? 1 : poolSize(dataSource),
    single: dialect === 'sqlite',
    file: dialect === 'sqlite' ? fileOf(dataSource) : undefined,
    async open() {
      const over = dialect === 'sqlite' && transaction ? await turns.take() : () => {}
      const session = new TypeormSession(ownRunner(dataSource, dialect), dialect, transaction, over)
      try {
        await session.begin(transaction, level)
        return session
      } catch (error) {
        await session.close(true)
        throw error
      }
    },
    sqlOf(given) {
      const runner = isManager(given) && given.dataSource === dataSource ? given.queryRunner : undefined
      return runner?.isTransactionActive === true ? runnerSql(runner, dialect) : undefined
    },
  }
}

class TypeormSession implements OpenSession<EntityManager> {
  readonly handle: EntityManager
  readonly sql: SessionSql | undefined
  readonly #runner: QueryRunner
  readonly #early: EndedEarly
  readonly #dialect: SessionSql['dialect']
  readonly #over: () => void
  readonly #calls: Calls
  readonly #queries: Calls
  #connection: unknown
  #sqlite: SqliteBelow | undefined
  #isEnding = false

  /** @param over  ends its turn. */
  constructor(runner: QueryRunner, dialect: SessionSql['dialect'], transaction: boolean, over: () => void) {
    this.#runner = runner
    this.#dialect = dialect
    this.#over = over
    const early = new EndedEarly(LIBRARY, dialect)
    this.#early = early
    // A call may do a lot before its first query, and repositories query without a call of the manager.
    this.#calls = new Calls()
    this.#queries = new Calls({ failed: (error) => early.saw(error) })
    const query = runner.query.bind(runner)
    runner.query = (...args: [string]) => this.#queries.follow(this.#send(query, args)) as Promise<never>
    this.handle = counted(runner.manager, this.#calls, isPart)
    const sql = runnerSql(runner, dialect)
    this.sql = transaction ? { dialect, query: (text, values) => (this.#check(), sql.query(text, values)) } : undefined
  }

  async begin(transaction: boolean, level: 'READ COMMITTED' | undefined): Promise<void> {
    this.#connection = await this.#runner.connect()
    if (this.#dialect === 'sqlite') this.#sqlite = betterSqlite3Below(this.#connection as BetterSqlite3)
    if (transaction) await this.#runner.startTransaction(level)
  }

  isPart(value: object): boolean {
    return isPart(value)
  }

  running(): number {
    return Math.max(this.#calls.count, this.#queries.count)
  }

  async commit(): Promise<void> {
    this.#check()
    await this.#early.checkCommit(() => this.#runner.query(SAVEPOINT))
    await this.#runner.commitTransaction()
    if (this.#runner.isTransactionActive) throw this.#early.over('a transaction inside of it was begun and not ended')
  }

  async rollback(): Promise<void> {
    this.#isEnding = true
    // One inside of it may be open still. Some errors of SQLite have rolled back by themselves.
    while (this.#runner.isTransactionActive && this.#sqlite?.isOpen() !== false) {
      await this.#runner.rollbackTransaction()
    }
  }

  async close(broken: boolean): Promise<void> {
    const runner = this.#runner
    if (broken) await destroy(runner, this.#connection)
    else await runner.release()
    // So it refuses what comes later; that of SQLite would not.
    Object.assign(runner, { isReleased: true })
    this.#over()
  }

  #send(query: QueryRunner['query'], args: [string]): Promise<unknown> {
    const sqlite = this.#sqlite
    if (this.#isEnding || !this.#runner.isTransactionActive) return query(...args)
    if (sqlite === undefined) return this.#early.send(() => query(...args))
    // TypeORM begins without a lock, and SQLite would wait for one on the event loop.
    if (args[0] === 'BEGIN TRANSACTION') return beginWhenFree(sqlite)
    return sqlite.isOpen() ? query(...args) : Promise.reject(this.#early.endedBySomebody())
  }

  #check(): void {
    this.#early.check()
    if (!this.#runner.isTransactionActive || this.#sqlite?.isOpen() === false) throw this.#early.endedBySomebody()
  }
}

/** How statements get into the transaction of a query runner. */
function runnerSql(runner: QueryRunner, dialect: SessionSql['dialect']): SessionSql {
  return {
    dialect,
    query: async (sql: string, values: readonly SqlValue[]) => {
      const { records } = (await runner.query(sql, [...values], true)) as { records?: readonly SqlRow[] }
      return records ?? []
    },
  }
}

/** That of SQLite is one for all: somebody else's transaction would go on in the session's, and use it after its end. */
function ownRunner(dataSource: DataSource, dialect: SessionSql['dialect']): QueryRunner {
  if (dialect !== 'sqlite') return dataSource.createQueryRunner()
  const { driver } = dataSource
  const { constructor } = driver.createQueryRunner('master')
  const runner = new (constructor as new (of: typeof driver) => QueryRunner)(driver)
  dataSource.createEntityManager(runner)
  return runner
}

/** Gives back a connection that nobody may use again. */
async function destroy(runner: QueryRunner, connection: unknown): Promise<void> {
  const { releasePostgresConnection } = runner as {
    releasePostgresConnection?: (error: Error) => Promise<void>
  } & QueryRunner
  const { destroy } = (connection ?? {}) as { destroy?: () => void }
  if (releasePostgresConnection !== undefined) await releasePostgresConnection.call(runner, new Error('It is broken.'))
  else if (destroy !== undefined) destroy.call(connection)
  else await runner.release()
}

function poolSize({ options }: DataSource): number {
  const { poolSize, extra } = options as { poolSize?: number; extra?: { max?: number; connectionLimit?: number } }
  return extra?.max ?? extra?.connectionLimit ?? poolSize ?? POOL_SIZE
}

function fileOf({ options }: DataSource): string | undefined {
  const { database } = options as { database?: string }
  return database === undefined || database === '' || database === ':memory:' ? undefined : resolve(database)
}

function isPart(value: object): boolean {
  const { createQueryBuilder, save } = value as Partial<EntityManager>
  return typeof createQueryBuilder === 'function' && typeof save === 'function'
}

function isManager(given: unknown): given is EntityManager {
  return typeof given === 'object' && given !== null && isPart(given) && 'queryRunner' in given
}
