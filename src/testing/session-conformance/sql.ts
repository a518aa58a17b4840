import assert from 'node:assert/strict'
import type { OpenSession, SqlRow, SqlValue } from '../../index.ts'
import { testOf } from './case.ts'
import { statements } from './statements.ts'
import { sqlOf } from './world.ts'

const TEXTS: Readonly<Record<string, string>> = {
  'nothing at all': '',
  quotes: `it's "quoted", \`so\` and 'so''`,
  backslashes: String.raw`C:\new\table \' \" \\`,
  'signs that libraries read as placeholders': '? ?? ?1 $1 $2 :first @first {0} %s \\?',
  'line ends': 'one\ntwo\r\nthree\ttab',
  unicode: 'naïve – 日本語 – 🦊 – é',
  'a long text': 'long '.repeat(20_000),
}

const COUNTS: readonly (number | bigint)[] = [0, -1, 1_767_225_600_000, 2n ** 60n]

/** Sends one of the suite's statements through the session. */
async function send(
  session: OpenSession,
  name: keyof (typeof statements)['postgres'],
  ...values: readonly SqlValue[]
): Promise<readonly SqlRow[]> {
  const sql = sqlOf(session)
  return sql.query(statements[sql.dialect][name], values)
}

/** Ends the session with a statement, as the engine does. */
async function commitWith(session: OpenSession, id: string): Promise<void> {
  const { dialect } = sqlOf(session)
  if (session.commitWith !== undefined) return void (await session.commitWith(statements[dialect].write, [id]))
  await send(session, 'write', id)
  await session.commit()
}

async function refusalOf(work: () => Promise<unknown>): Promise<Error> {
  const error: unknown = await work().then(
    () => assert.fail('a row of the same key was written'),
    (error: unknown) => error,
  )
  return error as Error
}

/** How statements of Afterword get into a session. */
export const sql = [
  testOf(['recordable'], 'a statement is committed with what the library wrote', async (world) => {
    const session = await world.opened('library')
    assert.equal((await send(session, 'write', 'statement')).length, 0)
    assert.deepEqual(await world.ids(), [])
    await world.commit(session)
    assert.deepEqual(await world.ids(), ['library', 'statement'])
  }),

  testOf(['recordable'], 'a statement is rolled back with what the library wrote', async (world) => {
    const session = await world.open()
    await send(session, 'write', 'statement')
    await world.insert(session, 'library')
    await world.rollback(session)
    assert.deepEqual(await world.ids(), [])
  }),

  testOf(
    ['recordable'],
    'a last statement is committed with the rest, in one trip where that can be',
    async (world) => {
      const session = await world.opened('library')
      await commitWith(session, 'statement')
      await world.close(session)
      assert.deepEqual(await world.ids(), ['library', 'statement'])
      await world.assertWhole()
    },
  ),

  testOf(
    ['recordable'],
    'a last statement that fails leaves nothing committed, and is what is thrown',
    async (world) => {
      await world.commit(await world.opened('taken'))
      const session = await world.opened('library')
      const alone = await refusalOf(async () => send(session, 'write', 'taken'))
      await world.rollback(session)
      const another = await world.opened('library')
      assert.equal((await refusalOf(() => commitWith(another, 'taken'))).message, alone.message)
      await world.rollback(another)
      assert.deepEqual(await world.ids(), ['taken'])
      await world.assertWhole()
    },
  ),

  testOf(['recordable'], 'a statement sees what the library wrote, and gives rows by their columns', async (world) => {
    const session = await world.opened('a')
    const rows = await send(session, 'find', 'a')
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ id: 'a' }],
    )
    assert.equal((await send(session, 'find', 'b')).length, 0)
    await world.rollback(session)
  }),

  testOf(['recordable'], 'a statement that writes can give rows', async (world) => {
    const session = await world.open()
    const isMysql = sqlOf(session).dialect === 'mysql'
    const first = await send(session, 'writeOnce', 'a')
    const again = await send(session, 'writeOnce', 'a')
    // MySQL has no RETURNING.
    assert.deepEqual([first.length, again.length], [isMysql ? 0 : 1, 0])
    await world.commit(session)
    assert.deepEqual(await world.ids(), ['a'])
  }),

  testOf(
    ['recordable'],
    'a statement that fails rejects or throws, and the session can be rolled back',
    async (world) => {
      const session = await world.opened('a')
      await assert.rejects(async () => send(session, 'write', 'a'))
      await world.rollback(session)
      assert.deepEqual(await world.ids(), [])
      await world.assertWhole()
    },
  ),

  ...Object.entries(TEXTS).map(([what, text]) =>
    testOf(['recordable'], `a statement takes and gives text as it is: ${what}`, async (world) => {
      const session = await world.open()
      const [row] = await send(session, 'echo', text, 'other')
      assert.deepEqual([row?.['first'], row?.['second']], [text, 'other'])
      await world.rollback(session)
    }),
  ),

  testOf(['recordable'], 'a statement takes null and gives null', async (world) => {
    const session = await world.open()
    const [row] = await send(session, 'echo', null, 'other')
    assert.deepEqual([row?.['first'], row?.['second']], [null, 'other'])
    await world.rollback(session)
  }),

  testOf(['recordable'], 'a statement takes whole numbers up to 64 bits', async (world) => {
    const session = await world.open()
    for (const count of COUNTS) {
      const [row] = await send(session, 'count', count)
      assert.equal(row?.['count'], String(count))
    }
    await world.rollback(session)
  }),

  testOf(['recordable', 'asynchronous'], 'a statement of Afterword is none of the queries that run', async (world) => {
    const session = await world.open()
    await send(session, 'write', 'a')
    assert.equal(session.running?.(), 0)
    await world.rollback(session)
  }),

  testOf(
    ['recognizable', 'recordable'],
    'the provider finds the way into a transaction of its library',
    async (world) => {
      const session = await world.opened('library')
      const found = world.provider.sqlOf?.(session.handle) ?? assert.fail('sqlOf gives nothing for an open transaction')
      assert.equal(found.dialect, sqlOf(session).dialect)
      await found.query(statements[found.dialect].write, ['statement'])
      await world.rollback(session)
      assert.deepEqual(await world.ids(), [])
    },
  ),

  testOf(['recognizable'], 'the provider takes nothing else for a transaction of its library', ({ provider }) => {
    const others: readonly unknown[] = [undefined, null, 1, 'BEGIN', {}, [], () => undefined, new Map(), provider]
    for (const other of others) assert.equal(provider.sqlOf?.(other), undefined)
    return Promise.resolve()
  }),
] as const
