import assert from 'node:assert/strict'
import { test, testOf } from './case.ts'

/** What goes wrong in a session, and with its connection. */
export const failures = [
  test('a query that fails rejects, and what was done before it can be rolled back', async (world) => {
    await world.commit(await world.opened('a'))
    const session = await world.opened('b')
    await assert.rejects(async () => world.insert(session, 'a'))
    await world.rollback(session)
    assert.deepEqual(await world.ids(), ['a'])
    await world.commit(await world.opened('b'))
    assert.deepEqual(await world.ids(), ['a', 'b'])
    await world.assertWhole()
  }),

  // Postgres answers COMMIT with ROLLBACK, and calls that no error.
  test('a commit after a query that failed commits the rest, or rejects', async (world) => {
    await world.commit(await world.opened('a'))
    const session = await world.opened('b')
    await assert.rejects(async () => world.insert(session, 'a'))
    const isCommitted = await Promise.try(() => session.commit()).then(
      () => true,
      () => false,
    )
    if (isCommitted) await world.close(session)
    else await world.giveUp(session)
    assert.deepEqual(await world.ids(), isCommitted ? ['a', 'b'] : ['a'])
    await world.assertWhole()
  }),

  testOf(
    ['severable'],
    'the commit of a session whose connection broke rejects, and nothing is there',
    async (world) => {
      const session = await world.opened('a')
      await world.site.sever!(session.handle)
      await assert.rejects(async () => session.commit())
      await world.giveUp(session)
      assert.deepEqual(await world.ids(), [])
      await world.assertWhole()
    },
  ),

  testOf(['severable'], 'a session whose connection broke can be closed without a commit', async (world) => {
    const session = await world.opened('a')
    await world.site.sever!(session.handle)
    await world.giveUp(session)
    assert.deepEqual(await world.ids(), [])
    await world.assertWhole()
    await world.commit(await world.opened('b'))
    assert.deepEqual(await world.ids(), ['b'])
  }),

  testOf(['asynchronous'], 'running counts what has an answer as nothing', async (world) => {
    const session = await world.opened('a', 'b')
    assert.equal(session.running?.(), 0)
    await assert.rejects(async () => world.insert(session, 'a'))
    assert.equal(session.running?.(), 0)
    await world.rollback(session)
  }),

  // A row of another session that is not decided yet keeps the query waiting for as long as the case likes.
  testOf(['asynchronous', 'parallel'], 'running counts a query that nobody has awaited', async (world) => {
    const [first, second] = [await world.opened('a'), await world.open()]
    const inserting = world.insert(second, 'a')
    await world.until('running() being 1', () => second.running?.() === 1)
    await world.rollback(first)
    await inserting
    assert.equal(second.running?.(), 0)
    await world.commit(second)
    assert.deepEqual(await world.ids(), ['a'])
  }),

  testOf(['asynchronous', 'parallel'], 'a session that does not answer can be closed as broken', async (world) => {
    const [first, second] = [await world.opened('a'), await world.open()]
    const inserting = world.insert(second, 'a').catch(() => undefined)
    await world.until('running() being 1', () => (second.running?.() ?? 0) > 0)
    const rollingBack = Promise.try(() => second.rollback()).catch(() => undefined)
    await world.close(second, true)
    await world.rollback(first)
    await Promise.all([inserting, rollingBack])
    assert.deepEqual(await world.ids(), [])
    await world.assertWhole()
  }),
] as const
