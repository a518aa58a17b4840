/**
 * What sessions of libraries with models of their own have in common: one table, `account`, with a serial number and a name
 * that is unique, seen from the outside over a connection of its own.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, it } from 'node:test'
import { createBackground } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import type { OpenSession, SessionProvider, SessionSql } from '../../src/model/session.ts'
import { systemClock } from '../../src/ports/system.ts'
import { SessionBook } from '../../src/sessions/session-book.ts'
import { SILENT } from './bench.ts'

/** What a provider is tried with. */
export interface OrmSite<Handle> {
  readonly dialect: SessionSql['dialect']
  /** Of the server, where there is one. */
  readonly url?: string
  /** Of two connections, unless it is one of SQLite. */
  provider(options?: { readonly transaction?: boolean; readonly isolation?: 'serializable' }): SessionProvider<Handle>
  /** Adds an account by the means of the library, and has it written. */
  insert(handle: Handle, name: string): Promise<unknown>
  /** Runs SQL by the means of the library and gives the rows. */
  raw(handle: Handle, sql: string): Promise<readonly unknown[]>
  /** What leads to the database by another way than the handle, and still does once the session is over. */
  part(handle: Handle): { readonly use: () => Promise<unknown>; readonly used: string }
  /** A transaction that the application begins by itself, around `body`, and that is rolled back. */
  ownTransaction(body: (transaction: unknown) => Promise<void>): Promise<void>
  /** The names of all accounts, as others see them. */
  names(): Promise<readonly string[]>
  /** Runs a statement over a connection that is not one of the library. */
  readonly outside: (sql: string) => Promise<unknown>
}

const IDS = { postgres: 'SELECT pg_backend_pid() AS id', mysql: 'SELECT connection_id() AS id', sqlite: '' }
const KILLS = { postgres: 'SELECT pg_terminate_backend(?)', mysql: 'KILL ?', sqlite: '' }

/** The number by which the server knows a session's connection. */
async function idOf<Handle>(site: OrmSite<Handle>, handle: Handle): Promise<string> {
  const [row] = (await site.raw(handle, IDS[site.dialect])) as { id: number | bigint }[]
  return String(row!.id)
}

/** Ends the connection of a session from the outside. */
async function sever<Handle>(site: OrmSite<Handle>, handle: Handle): Promise<void> {
  await site.outside(KILLS[site.dialect].replace('?', await idOf(site, handle)))
}

/** Ends connections without a turn of the event loop: no pool has heard of it when this returns. */
function severAtOnce<Handle>({ dialect, url }: OrmSite<Handle>, ids: readonly string[]): void {
  const open = {
    postgres: `const c = new (require('pg').Client)(${JSON.stringify(url)}); await c.connect()`,
    mysql: `const c = await require('mysql2/promise').createConnection(${JSON.stringify(url)})`,
    sqlite: '',
  }
  const kills = ids.map((id) => `await c.query('${KILLS[dialect].replace('?', id)}')`).join(';')
  execFileSync(process.execPath, [
    '--input-type=commonjs',
    '-e',
    `(async () => { ${open[dialect]}; ${kills}; await c.end() })()`,
  ])
}

/** The tests that all of them pass. `site` is called when the first of them runs. */
export function ormSessionTests<Handle>(dialect: SessionSql['dialect'], site: () => OrmSite<Handle>): void {
  const size = dialect === 'sqlite' ? 1 : 2
  const rollBack = async (session: OpenSession<Handle>): Promise<void> => {
    await session.rollback()
    await session.close(false)
  }
  const open = async (provider = site().provider()): Promise<OpenSession<Handle>> => provider.open()

  afterEach(() => site().outside('DELETE FROM account'))

  it('commits what was done, and nobody sees it before', async () => {
    const session = await open()
    await site().insert(session.handle, 'Ada')
    if (dialect !== 'sqlite') assert.deepEqual(await site().names(), [])
    await session.commit()
    await session.close(false)
    assert.deepEqual(await site().names(), ['Ada'])
  })

  it('takes back what was done', async () => {
    const session = await open()
    await site().insert(session.handle, 'Ada')
    await rollBack(session)
    assert.deepEqual(await site().names(), [])
  })

  it('gives its connection back whatever its end was', async () => {
    for (let round = 0; round < 3 * size; round++) {
      const session = await open()
      await site().insert(session.handle, `Ada ${round}`)
      if (round % 2 === 0) await session.commit()
      else await session.rollback()
      await session.close(false)
    }
    await assertWhole()
  })

  it('is a connection and no more without a transaction', async () => {
    const session = await open(site().provider({ transaction: false }))
    assert.equal(session.sql, undefined)
    await site().insert(session.handle, 'Ada')
    assert.deepEqual(await site().names(), ['Ada'])
    await session.close(false)
    await assertWhole()
  })

  it('counts calls from the moment that they are made until they are answered', async () => {
    const session = await open()
    const { handle } = session
    assert.equal(session.running!(), 0)
    const forgotten = site().insert(handle, 'Ada')
    assert.equal(session.running!(), 1)
    await forgotten
    assert.equal(session.running!(), 0)
    await assert.rejects(site().insert(handle, 'Ada'))
    assert.equal(session.running!(), 0)
    await rollBack(session)
  })

  it('refuses what is left of it once it is over, and says what was used', async () => {
    const book = new SessionBook({ clock: systemClock, here: () => 'a timer' })
    const held = await book.open('db', { db: site().provider() }, 'task "charge"')
    const handle = held.handle as Handle
    const part = site().part(handle)
    await part.use()
    await held.discard()
    const refused = {
      code: 'SESSION_ENDED',
      message: new RegExp(`of task "charge" was used .${part.used.replaceAll(/[.()]/g, '.')}.`),
    }
    await assert.rejects(async () => part.use(), refused)
    await assert.rejects(async () => site().insert(handle, 'Ada'), { code: 'SESSION_ENDED' })
  })

  it('lets statements of Afterword into its transaction', async () => {
    await site().outside('CREATE TABLE IF NOT EXISTS noted (id bigint, said text, gone text)')
    const session = await open()
    const sql = session.sql!
    assert.equal(sql.dialect, dialect)
    const values = dialect === 'postgres' ? '$1, $2, $3' : '?, ?, ?'
    const said = JSON.stringify({ text: `What? "It's" \\ $1 ? \u{1F600} ::text` })
    assert.deepEqual(await sql.query(`INSERT INTO noted VALUES (${values})`, [2n ** 53n + 1n, said, null]), [])
    await sql.query(`INSERT INTO noted VALUES (${values})`, [1_700_000_000_000, said, null])
    const [row, ...more] = await sql.query(
      `SELECT said, gone FROM noted WHERE id > ${values[0] === '$' ? '$1' : '?'}`,
      [2n ** 53n],
    )
    assert.deepEqual({ ...row }, { said, gone: null })
    assert.equal(more.length, 0)
    await rollBack(session)
    assert.deepEqual(await site().outside('SELECT * FROM noted'), [])
  })

  it('finds a way into a transaction that the application has begun, and into nothing else', async () => {
    const provider = site().provider()
    for (const given of [undefined, null, 7, 'tx', {}, () => {}, []]) assert.equal(provider.sqlOf!(given), undefined)
    await site().ownTransaction(async (transaction) => {
      const sql = provider.sqlOf!(transaction)!
      assert.equal(sql.dialect, dialect)
      await sql.query("INSERT INTO account (name) VALUES ('Ada')", [])
      const [row] = await sql.query('SELECT name FROM account', [])
      assert.deepEqual({ ...row }, { name: 'Ada' })
    })
    assert.deepEqual(await site().names(), [])
  })

  it('is exactly once with a store elsewhere', async () => {
    const charge = defineTask({
      name: 'charge',
      retry: { attempts: 2, base: 1 },
      async run(name: string, context): Promise<number> {
        const db = (await context.session['db']) as Handle
        await site().insert(db, name)
        if (context.attempt === 1) throw new Error('The first attempt fails.')
        return name.length
      },
    })
    const sessions = { db: site().provider() }
    await using background = createBackground({ store: 'memory:', logger: SILENT, sessions, tasks: [charge] })
    assert.equal(await background.result(await background.add(charge, 'Ada')), 3)
    assert.deepEqual(await site().names(), ['Ada'])
    const rows = (await site().outside('SELECT claims FROM afterword_outcome')) as { claims: number }[]
    assert.deepEqual(
      rows.map(({ claims }) => Number(claims)),
      [2],
    )
    await site().outside('DELETE FROM afterword_outcome')
  })

  /** As many sessions as there are connections can be open at once. */
  async function assertWhole(): Promise<void> {
    const sessions = await Promise.all(Array.from({ length: size }, () => open()))
    await Promise.all(sessions.map(async ({ handle }) => site().raw(handle, 'SELECT 1 AS one')))
    await Promise.all(sessions.map(rollBack))
  }

  if (dialect !== 'sqlite') serverTests(size)

  function serverTests(size: number): void {
    it('can have another isolation level', async () => {
      const session = await open(site().provider({ isolation: 'serializable' }))
      const shows = { postgres: 'SHOW transaction_isolation', mysql: 'SELECT 1 AS one', sqlite: '' }
      const [row] = (await site().raw(session.handle, shows[dialect])) as { transaction_isolation?: string }[]
      if (dialect === 'postgres') assert.equal(row!.transaction_isolation, 'serializable')
      await rollBack(session)
    })

    it('gives up a connection that broke, and leaves the pool whole', async () => {
      for (let round = 0; round < size + 1; round++) {
        const session = await open()
        await site().insert(session.handle, 'Ada')
        await sever(site(), session.handle)
        await assert.rejects(async () => site().insert(session.handle, 'Bob'))
        await assert.rejects(async () => session.commit())
        await Promise.try(() => session.rollback()).catch(() => undefined)
        await session.close(true)
      }
      assert.deepEqual(await site().names(), [])
      await assertWhole()
    })

    it('gives its connection back when it cannot begin', async () => {
      const sessions = await Promise.all(Array.from({ length: size }, () => open()))
      const ids = await Promise.all(sessions.map(({ handle }) => idOf(site(), handle)))
      await Promise.all(sessions.map(rollBack))
      severAtOnce(site(), ids)
      const results = await Promise.allSettled(sessions.map(() => open()))
      // Some drivers look at a connection before they give it out.
      for (const result of results) if (result.status === 'fulfilled') await rollBack(result.value)
      if (dialect === 'postgres') assert.ok(results.every(({ status }) => status === 'rejected'))
      await assertWhole()
    })

    it('does not commit after an error for which the database has taken everything back', async () => {
      await site().outside("INSERT INTO account (name) VALUES ('left'), ('right')")
      const session = await open()
      await site().insert(session.handle, 'Ada')
      await (dialect === 'postgres' ? abort(session.handle) : deadlock(session.handle))
      await assert.rejects(async () => session.commit(), { code: 'SESSION_TRANSACTION_OVER' })
      if (dialect === 'mysql') {
        await assert.rejects(async () => session.sql!.query('DELETE FROM account', []), {
          code: 'SESSION_TRANSACTION_OVER',
        })
      }
      await rollBack(session)
      assert.deepEqual(await site().names(), ['left', 'right'])
      await assertWhole()
    })

    it('commits the rest after an error that took nothing back', async () => {
      const session = await open()
      await site().insert(session.handle, 'Ada')
      if (dialect === 'mysql') await assert.rejects(site().insert(session.handle, 'Ada'))
      await session.commit()
      await session.close(false)
      assert.deepEqual(await site().names(), ['Ada'])
    })
  }

  function abort(handle: Handle): Promise<void> {
    return assert.rejects(async () => site().raw(handle, 'SELECT 1 / 0 AS never'))
  }

  /** The one with fewer changes to undo is taken back: that is the session. */
  async function deadlock(handle: Handle): Promise<void> {
    const lock = (name: string) => `SELECT name FROM account WHERE name = '${name}' FOR UPDATE`
    const other = await open()
    for (let index = 0; index < 20; index++) await site().insert(other.handle, `other ${index}`)
    await site().raw(handle, lock('left'))
    await site().raw(other.handle, lock('right'))
    const waiting = site().raw(other.handle, lock('left'))
    const lost = site().raw(handle, lock('right'))
    const sentWithIt = site().insert(handle, 'Bob')
    await assert.rejects(async () => lost)
    await assert.rejects(sentWithIt, { code: 'SESSION_TRANSACTION_OVER' })
    await assert.rejects(site().insert(handle, 'Cleo'), { code: 'SESSION_TRANSACTION_OVER' })
    await waiting
    await rollBack(other)
  }
}
