import type { DatabaseSync } from 'node:sqlite'
import type { EntityManager, IsolationLevel } from '@mikro-orm/core'
import type { OpenSession, SessionSql, SqlRow, SqlValue } from '../model/session.ts'
import { beginWhenFree } from './begin-when-free.ts'
import { Calls, counted } from './counted.ts'
import { EndedEarly, SAVEPOINT } from './ended-early.ts'
import { type BetterSqlite3, betterSqlite3Below, nodeSqliteBelow, type SqliteBelow } from './sqlite-below.ts'

/** What all sessions of a provider have in common. */
export interface MikroOrmSite {
  readonly dialect: SessionSql['dialect']
  /** The connection of node:sqlite below, where the application has made it. */
  readonly database: DatabaseSync | undefined
  readonly isolation: IsolationLevel | undefined
}

/** The transaction below an EntityManager: one of Kysely. */
export interface KyselyTransaction {
  executeQuery(query: object, ...more: unknown[]): Promise<{ readonly rows: readonly SqlRow[] }>
}

/** What sends statements over one connection, below everything. */
type KyselyConnection = KyselyTransaction

/** The Kysely below a MikroORM. */
interface KyselyLike {
  connection(): { execute<T>(run: (reserved: KyselyLike) => Promise<T>): Promise<T> }
  getExecutor(): { provideConnection<T>(run: (connection: KyselyConnection) => Promise<T>): Promise<T> }
}

/** A connection out of the pool, until it is released. */
interface Reserved {
  /** A Kysely of that connection alone. */
  readonly kysely: KyselyLike
  readonly connection: KyselyConnection
  release(): Promise<void>
}

/** The connection of MikroORM, which is a pool of them. */
interface Connection {
  ensureConnection(): Promise<void>
  getClient(): KyselyLike
  getNativeClient?(): Promise<BetterSqlite3>
}

/** A session of MikroORM that is a transaction. */
export class MikroOrmTransaction<Em extends EntityManager> implements OpenSession<Em> {
  readonly handle: Em
  readonly sql: SessionSql
  readonly #em: Em
  readonly #transaction: KyselyTransaction
  readonly #release: () => Promise<void>
  readonly #sqlite: SqliteBelow | undefined
  readonly #early: EndedEarly
  readonly #calls = new Calls()
  readonly #queries: Calls
  #ending: Promise<void> | undefined

  /**
   * Takes a connection and begins.
   *
   * @param em  one of its own, of which nobody knows.
   * @param released  called when all is given back.
   */
  static async begin<Em extends EntityManager>(
    em: Em,
    site: MikroOrmSite,
    released: () => void,
  ): Promise<MikroOrmTransaction<Em>> {
    const connection = em.getConnection() as unknown as Connection
    const { isolation, dialect, database } = site
    await connection.ensureConnection()
    const reserved = await reserve(connection.getClient())
    try {
      // MikroORM has the connection given back when a transaction has ended, not when that, or its beginning, has failed.
      em.getConnection = () => over(connection, reserved.kysely) as never
      await em.begin(isolation === undefined ? {} : { isolationLevel: isolation })
      Reflect.deleteProperty(em, 'getConnection')
      const sqlite = dialect === 'sqlite' ? await sqliteBelow(connection, database) : undefined
      if (sqlite !== undefined) await beginAgain(sqlite)
      return new MikroOrmTransaction(em, site, sqlite, () => reserved.release().finally(released))
    } catch (error) {
      // It may have begun before a subscriber threw.
      await reserved.connection.executeQuery(rawQuery('ROLLBACK')).catch(() => undefined)
      await reserved.release()
      throw error
    }
  }

  private constructor(em: Em, site: MikroOrmSite, sqlite: SqliteBelow | undefined, release: () => Promise<void>) {
    const transaction = em.getTransactionContext<KyselyTransaction>()!
    const early = new EndedEarly('mikro-orm', site.dialect)
    this.#em = em
    this.#transaction = transaction
    this.#release = release
    this.#sqlite = sqlite
    this.#early = early
    // A call may do a lot before its first query, and entities query without a call of their manager.
    this.#queries = new Calls({ failed: (error) => early.saw(error) })
    const execute = transaction.executeQuery.bind(transaction)
    transaction.executeQuery = (...args) =>
      this.#queries.follow(early.send(() => execute(...args))) as ReturnType<typeof execute>
    this.handle = counted(em, this.#calls, isPart)
    const sql = transactionSql(transaction, site)
    this.sql = { ...sql, query: (text, values) => (this.#check(), sql.query(text, values)) }
  }

  isPart(value: object): boolean {
    return isPart(value)
  }

  running(): number {
    return Math.max(this.#calls.count, this.#queries.count)
  }

  async commit(): Promise<void> {
    this.#check()
    await this.#early.checkCommit(() => this.#transaction.executeQuery(rawQuery(SAVEPOINT)))
    // Flushes before.
    await this.#em.commit()
  }

  rollback(): Promise<void> {
    this.#ending ??= this.#rollback()
    return this.#ending
  }

  async close(broken: boolean): Promise<void> {
    const closed = this.#closed()
    if (!broken) await closed
  }

  async #closed(): Promise<void> {
    // A connection that is busy goes back when it is done.
    await this.rollback().catch(() => undefined)
    // Its entities lead to it still. Over that transaction, which has ended, they reach no connection any more.
    this.#em.setTransactionContext(this.#transaction)
    await this.#release()
  }

  async #rollback(): Promise<void> {
    if (!this.#em.isInTransaction()) return
    // Some errors of SQLite have rolled back by themselves, which Kysely does not know.
    if (this.#sqlite?.isOpen() === false) this.#sqlite.exec('BEGIN')
    await this.#em.rollback()
  }

  #check(): void {
    this.#early.check()
    if (!this.#em.isInTransaction() || this.#sqlite?.isOpen() === false) throw this.#early.endedBySomebody()
  }
}

/** How statements get into a transaction of MikroORM. Its own `execute` would write the values into the text. */
export function transactionSql(transaction: KyselyTransaction, { dialect, database }: MikroOrmSite): SessionSql {
  return {
    dialect,
    database,
    query: async (sql, values) => (await transaction.executeQuery(rawQuery(sql, values))).rows,
  }
}

/** An EntityManager, or a repository, which leads to one. */
export function isPart(value: object): boolean {
  return isManager(value) || typeof (value as { getEntityManager?: unknown }).getEntityManager === 'function'
}

/** Whether it is an EntityManager. */
export function isManager(given: unknown): given is EntityManager {
  const { getTransactionContext, getUnitOfWork } = (given ?? {}) as Partial<EntityManager>
  return typeof getTransactionContext === 'function' && typeof getUnitOfWork === 'function'
}

/** A statement as Kysely's `CompiledQuery.raw` makes it. */
function rawQuery(sql: string, parameters: readonly SqlValue[] = []): object {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] }
  return { sql, parameters: [...parameters], query, queryId: { queryId: 'afterword' } }
}

/** Takes a connection out of the pool. */
async function reserve(kysely: KyselyLike): Promise<Reserved> {
  const taken = Promise.withResolvers<Omit<Reserved, 'release'>>()
  const released = Promise.withResolvers<void>()
  const over = kysely.connection().execute(async (reserved) => {
    const connection = await reserved.getExecutor().provideConnection((below) => Promise.resolve({ below }))
    taken.resolve({ kysely: reserved, connection: connection.below })
    return released.promise
  })
  over.catch(taken.reject)
  return {
    ...(await taken.promise),
    async release() {
      released.resolve()
      await over
    },
  }
}

/** The connection of MikroORM, which begins transactions over another Kysely. Its fields are private: it does the rest itself. */
function over(connection: Connection, kysely: KyselyLike): Connection {
  return new Proxy(connection, {
    get(target, key) {
      if (key === 'getClient') return () => kysely
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' && key !== 'begin' ? value.bind(target) : value
    },
  })
}

/** Begins a transaction that writes, without a wait on the event loop, in place of the one that was begun. */
async function beginAgain(sqlite: SqliteBelow): Promise<void> {
  sqlite.exec('ROLLBACK')
  await beginWhenFree(sqlite)
}

/** The connection below; undefined when a dialect of the application's own keeps it to itself. */
async function sqliteBelow(
  connection: Connection,
  database: DatabaseSync | undefined,
): Promise<SqliteBelow | undefined> {
  if (database !== undefined) return nodeSqliteBelow(database)
  const native = await connection.getNativeClient?.().catch(() => undefined)
  return native && betterSqlite3Below(native)
}
