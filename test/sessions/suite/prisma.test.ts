import { after } from 'node:test'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { type PrismaLike, prismaSession, type PrismaSession } from '../../../src/sessions/prisma.ts'
import { type GeneratedClient, generateClient } from '../prisma/generated-client.ts'
import { type Library, onMariadb, onPostgres, POOL_SIZE } from './sites.ts'

interface Client extends PrismaLike {
  readonly effect: { create(args: { readonly data: { readonly id: string } }): PromiseLike<unknown> }
  $queryRawUnsafe(sql: string): PromiseLike<{ readonly id: number | bigint }[]>
  $disconnect(): Promise<void>
}

type Provider = Parameters<typeof generateClient>[0]

const generated = new Map<Provider, Promise<GeneratedClient>>()
after(async () => {
  for (const client of generated.values()) (await client).remove()
})

async function libraryOn(
  provider: Provider,
  adapter: object,
  connection: string,
): Promise<Library<PrismaSession<Client>>> {
  const making = generated.get(provider) ?? generateClient(provider)
  generated.set(provider, making)
  const client = new (await making).module.PrismaClient({ adapter }) as Client
  return {
    provider: prismaSession(client),
    insert: async (db, id) => db.effect.create({ data: { id } }),
    taken: () => undefined,
    connectionOf: async (db) => Number((await db.$queryRawUnsafe(`SELECT ${connection} AS id`))[0]!.id),
    end: () => client.$disconnect(),
  }
}

onPostgres('Prisma on pg', async ({ url }) => {
  const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE })
  pool.on('error', () => undefined)
  const library = await libraryOn('postgresql', new PrismaPg(pool), 'pg_backend_pid()')
  return {
    ...library,
    taken: () => pool.totalCount - pool.idleCount,
    async end() {
      await library.end!()
      await pool.end()
    },
  }
})

onMariadb(
  'Prisma on mariadb',
  ({ database: { host, port, user, database } }) => {
    const adapter = new PrismaMariaDb({ host, port, user, database, connectionLimit: POOL_SIZE })
    return libraryOn('mysql', adapter, 'connection_id()')
  },
  { can: { countable: false } },
)
