import { duration } from '../model/option-kinds.ts'
import { type OptionsGiven, optionTable } from '../model/option-table.ts'
import type { OpenSession, SessionProvider, SessionSql, SqlRow } from '../model/session.ts'
import { openByCallback } from './by-callback.ts'
import { Calls, counted } from './counted.ts'
import { EndedEarly, SAVEPOINT } from './ended-early.ts'
import { checkObject, isolation, SESSION_ENTRIES } from './session-options.ts'

/**
 * What a session of Prisma is to work with: for a client without extensions `Prisma.TransactionClient`; models and methods that
 * `$extends` has added are there too.
 */
export type PrismaSession<Client> = Omit<Client, '$connect' | '$disconnect' | '$extends' | '$on' | '$use'>

/** As much of a client of Prisma as is used here. */
export interface PrismaLike {
  $queryRawUnsafe(query: string, ...values: never[]): unknown
  $connect(): unknown
  // Its own type is generic in a client that exists only once it is generated.
  $transaction(...args: never[]): unknown
}

/** The options of {@link prismaSession}. */
export const PRISMA_OPTIONS = optionTable({
  ...SESSION_ENTRIES,
  isolation: { is: isolation, default: undefined, says: "The isolation level. By default the client's." },
  timeout: {
    is: duration({ min: 1, max: '24d' }),
    default: '1d',
    says: 'So long a session may take. Prisma itself would roll it back after 5 s; attempts have a timeout of their own.',
  },
})

const LIBRARY = 'prisma'
const LEVELS = {
  'read committed': 'ReadCommitted',
  'repeatable read': 'RepeatableRead',
  serializable: 'Serializable',
} as const
const DIALECTS: Readonly<Record<string, SessionSql['dialect']>> = { postgresql: 'postgres', mysql: 'mysql' }
/** Whoever opens sessions knows how long to wait, and who has the others; this only has to be longer. */
const WAIT_MS_MAX = 24 * 60 * 60_000
/** What Prisma says of a transaction that it has ended, among others for its time. */
const TRANSACTION_API_ERROR = 'P2028'

/** What Prisma begins a transaction with. */
interface TransactionOptions {
  readonly timeout: number
  readonly maxWait: number
  readonly isolationLevel?: (typeof LEVELS)[keyof typeof LEVELS]
}

/** A client, or one of its transactions, on the inside. */
interface Inside {
  $queryRawUnsafe(query: string, ...values: unknown[]): Promise<readonly SqlRow[]>
  $transaction(run: (tx: Inside) => Promise<void>, options: TransactionOptions): Promise<unknown>
  readonly $connect?: unknown
  /** Neither is public, and nothing public says it: which database it is, and whose transaction. */
  readonly _activeProvider?: string
  readonly _engine?: unknown
}

/**
 * Sessions of Prisma: an interactive transaction of your client for each.
 *
 * ```ts
 * createBackground({ sessions: { db: prismaSession(prisma) }, tasks: [charge] })
 * // in run: const db = await context.session.db; await db.account.create({ data: { name } })
 * ```
 *
 * @throws SESSION_WRONG_OBJECT, OPTION_UNKNOWN, OPTION_INVALID.
 */
export function prismaSession<Client extends PrismaLike>(
  client: Client,
  options: OptionsGiven<typeof PRISMA_OPTIONS> = {},
): SessionProvider<PrismaSession<Client>> {
  checkObject('prismaSession', 'a PrismaClient', client, '$transaction', '$queryRawUnsafe', '$connect')
  const { transaction, outcomes, isolation, timeoutMs } = PRISMA_OPTIONS.parse('prismaSession', options)
  const inside = client as unknown as Inside
  const begun: TransactionOptions = {
    timeout: timeoutMs,
    maxWait: WAIT_MS_MAX,
    ...(isolation === undefined ? {} : { isolationLevel: LEVELS[isolation] }),
  }
  return {
    library: LIBRARY,
    transaction,
    outcomes,
    async open() {
      const session = transaction ? await openPrisma(inside, begun) : openClient(inside)
      return session as OpenSession<PrismaSession<Client>>
    },
    sqlOf: (given) => (isTransactionOf(inside, given) ? prismaSql(given) : undefined),
  }
}

function openClient(client: Inside): OpenSession {
  const calls = new Calls()
  return {
    handle: counted(client, calls, isModel),
    isPart: isModel,
    running: () => calls.count,
    commit() {},
    rollback() {},
    close() {},
  }
}

async function openPrisma(client: Inside, options: TransactionOptions): Promise<OpenSession> {
  const early = new EndedEarly(LIBRARY, dialectOf(client))
  const calls = new Calls({ failed: (error) => early.saw(error), send: (statement) => early.send(statement) })
  let savepoint = async (): Promise<void> => {}
  const session = await openByCallback<Inside, Inside>(
    (body) => client.$transaction(body, options),
    (tx) => {
      savepoint = async () => void (await tx.$queryRawUnsafe(SAVEPOINT))
      const sql = prismaSql(tx)
      return {
        handle: counted(tx, calls, isModel),
        sql: sql && { ...sql, query: (text, values) => (early.check(), sql.query(text, values)) },
        running: () => calls.count,
      }
    },
  )
  return {
    ...session,
    isPart: isModel,
    async commit() {
      await early.checkCommit(savepoint)
      try {
        await session.commit()
      } catch (error) {
        const { code, message } = error as { code?: unknown; message: string }
        throw code === TRANSACTION_API_ERROR
          ? early.over(`${message} (option "timeout" of prismaSession)`, error)
          : error
      }
    },
  }
}

/** How statements get into a transaction of Prisma; undefined where the database is none that Afterword speaks to. */
function prismaSql(tx: Inside): SessionSql | undefined {
  const dialect = dialectOf(tx)
  return dialect && { dialect, query: (sql, values) => tx.$queryRawUnsafe(sql, ...values) }
}

function dialectOf(client: Inside): SessionSql['dialect'] | undefined {
  const { _activeProvider: provider = '' } = client
  return DIALECTS[provider]
}

/** A client can connect; its transactions can do all but that. */
function isTransactionOf(client: Inside, given: unknown): given is Inside {
  if (typeof given !== 'object' || given === null) return false
  const { $queryRawUnsafe, $connect, _engine: engine } = given as Partial<Inside>
  const { _engine: own } = client
  return typeof $queryRawUnsafe === 'function' && $connect === undefined && engine === own
}

function isModel(value: object): boolean {
  const { findFirst, findMany } = value as { findFirst?: unknown; findMany?: unknown }
  return typeof findFirst === 'function' && typeof findMany === 'function'
}
