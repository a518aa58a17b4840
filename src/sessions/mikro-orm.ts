import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { EntityManager, IsolationLevel } from '@mikro-orm/core'
import { withMethods } from '../model/option-kinds.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql } from '../model/session.ts'
import { Calls, counted } from './counted.ts'
import {
  isManager,
  isPart,
  type KyselyTransaction,
  MikroOrmTransaction,
  transactionSql,
} from './mikro-orm-transaction.ts'
import { checkObject, isolation, SESSION_ENTRIES } from './session-options.ts'
import { Turns } from './turns.ts'

/** As much of a MikroORM of a SQL database as is used here. */
export interface MikroOrmLike {
  readonly em: EntityManager
  readonly config: { get(name: 'dbName' | 'pool'): unknown }
  isConnected(): Promise<boolean>
}

/** The options of {@link mikroOrmSession}. */
export const MIKRO_ORM_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: {
    is: isolation,
    default: undefined,
    says: "The isolation level. By default the database's. Not for SQLite.",
  },
  database: {
    is: withMethods<DatabaseSync>('prepare', 'exec', 'location'),
    default: undefined,
    says: 'The connection of node:sqlite that you have made the dialect of this ORM on. In the file of the store, an attempt ends in the transaction of its session.',
  },
})

/** So many connections the pools below MikroORM have when nobody says. */
const POOL_SIZE = 10

/** Whose turn it is, by ORM, where there is one connection. */
const turnsOf = new WeakMap<object, Turns>()

/**
 * Sessions of MikroORM: an EntityManager of its own for each, with a transaction that is flushed and committed at the end.
 * Without a transaction flushing is yours.
 *
 * ```ts
 * createBackground({ sessions: { db: mikroOrmSession(orm) }, tasks: [charge] })
 * // in run: const db = await context.session.db; db.create(Account, { name })
 * ```
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function mikroOrmSession<Orm extends MikroOrmLike>(
  orm: Orm,
  options: OptionsGiven<typeof MIKRO_ORM_OPTIONS> = {},
): SessionProvider<Orm['em']> {
  checkObject('mikroOrmSession', 'a MikroORM of a SQL database', orm, 'isConnected')
  checkObject('mikroOrmSession', 'a MikroORM of a SQL database', orm.em, 'fork', 'begin', 'getConnection')
  const { transaction, outcomes, isolation, database } = MIKRO_ORM_OPTIONS.parse('mikroOrmSession', options)
  const dialect = dialectOf(orm.em)
  const turns = turnsOf.get(orm) ?? new Turns()
  turnsOf.set(orm, turns)
  const site = { dialect, database, isolation: isolation as IsolationLevel | undefined }
  return {
    library: 'mikro-orm',
    transaction,
    outcomes,
    size: dialect === 'sqlite' ? 1 : poolSize(orm),
    single: dialect === 'sqlite',
    sqlite: database === undefined ? 'other' : 'node',
    file:
      dialect === 'sqlite' ? (database === undefined ? fileOf(orm) : (database.location() ?? undefined)) : undefined,
    async open() {
      // Not that of a request, which may be current here: its filters and its settings are not the task's.
      const em = orm.em.fork({ disableContextResolution: true, disableTransactions: false })
      if (!transaction) return openEntityManager(em)
      const over = dialect === 'sqlite' ? await turns.take() : () => {}
      try {
        return await MikroOrmTransaction.begin(em, site, over)
      } catch (error) {
        over()
        throw error
      }
    },
    sqlOf(given) {
      if (!isManager(given) || given.getDriver() !== orm.em.getDriver()) return undefined
      const transaction = given.getTransactionContext<KyselyTransaction>()
      return transaction && transactionSql(transaction, site)
    },
  }
}

function openEntityManager<Em extends EntityManager>(em: Em): OpenSession<Em> {
  const calls = new Calls()
  return {
    handle: counted(em, calls, isPart),
    isPart,
    running: () => calls.count,
    commit() {},
    rollback() {},
    close() {},
  }
}

function dialectOf(em: EntityManager): SessionSql['dialect'] {
  const url = em.getPlatform().getDefaultClientUrl()
  if (url.startsWith('postgres')) return 'postgres'
  return url.startsWith('mysql') || url.startsWith('mariadb') ? 'mysql' : 'sqlite'
}

function poolSize({ config }: MikroOrmLike): number {
  return (config.get('pool') as { max?: number } | undefined)?.max ?? POOL_SIZE
}

function fileOf({ config }: MikroOrmLike): string | undefined {
  const name = config.get('dbName') as string | undefined
  return name === undefined || name === '' || name === ':memory:' ? undefined : resolve(name)
}
