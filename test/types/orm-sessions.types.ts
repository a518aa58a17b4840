import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql'
import { defineTask } from 'afterword'
import { mikroOrmSession } from 'afterword/sessions/mikro-orm'
import { prismaSession } from 'afterword/sessions/prisma'
import { typeormSession } from 'afterword/sessions/typeorm'
import { DataSource, EntitySchema } from 'typeorm'
/** What the compiler knows of sessions of libraries with models of their own. Compiled only, never run. */

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

interface Account {
  id: number
  name: string
}

// ── TypeORM ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const Account = new EntitySchema<Account>({
  name: 'account',
  columns: { id: { type: Number }, name: { type: String } },
})
const dataSource = new DataSource({ type: 'postgres' })

defineTask({
  name: 'typeorm',
  sessions: { db: typeormSession(dataSource, { isolation: 'serializable' }) },
  run: async (_input: undefined, context) => {
    const db = await context.session.db
    const accounts = await db.getRepository(Account).find()
    same<typeof accounts, Account[]>(true)
    // @ts-expect-error -- there is no such column.
    await db.getRepository(Account).findBy({ nickname: 'Ada' })
    // @ts-expect-error -- there is no such session.
    await context.session.other
  },
})
// @ts-expect-error -- there is no such level.
typeormSession(dataSource, { isolation: 'read uncommitted' })
// @ts-expect-error -- an EntityManager is no data source.
typeormSession(dataSource.manager)

// ── MikroORM ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const MikroAccount = defineEntity({
  name: 'Account',
  properties: { id: p.integer().primary(), name: p.string() },
})
const orm = new MikroORM({ dbName: 'accounts', entities: [MikroAccount] })

defineTask({
  name: 'mikro-orm',
  sessions: { db: mikroOrmSession(orm) },
  run: async (_input: undefined, context) => {
    const db = await context.session.db
    same<typeof db, typeof orm.em>(true)
    const account = await db.findOneOrFail(MikroAccount, { name: 'Ada' })
    same<typeof account.name, string>(true)
    // The EntityManager is that of the driver.
    db.createQueryBuilder(MikroAccount).where({ name: 'Ada' })
    // @ts-expect-error -- there is no such property.
    await db.findOne(MikroAccount, { nickname: 'Ada' })
  },
})
// @ts-expect-error -- an EntityManager is no ORM.
mikroOrmSession(orm.em)

// ── Prisma ────────────────────────────────────────────────────────────────────────────────────────────────────────────

// A client exists once it is generated; test/sessions/prisma.test.ts compiles with one.
// @ts-expect-error -- a data source is no client.
prismaSession(dataSource)
