import assert from 'node:assert/strict'
import { test, testOf } from './case.ts'

/** How sessions end, and what is left of them. */
export const ends = [
  test('what was committed is there', async (world) => {
    const session = await world.opened('a', 'b')
    await world.commit(session)
    assert.deepEqual(await world.ids(), ['a', 'b'])
  }),

  test('what was rolled back is not there', async (world) => {
    const session = await world.opened('a', 'b')
    await world.rollback(session)
    assert.deepEqual(await world.ids(), [])
  }),

  test('nothing is there for others before the commit', async (world) => {
    const session = await world.opened('a')
    assert.deepEqual(await world.ids(), [])
    await world.commit(session)
    assert.deepEqual(await world.ids(), ['a'])
  }),

  test('a session in which nothing was done can be committed, and rolled back', async (world) => {
    await world.commit(await world.open())
    await world.rollback(await world.open())
    await world.assertWhole()
  }),

  testOf(['countable'], 'an open session holds one connection', async (world) => {
    const session = await world.opened('a')
    assert.equal(await world.site.taken(), 1)
    await world.rollback(session)
  }),

  test('close gives back what the session held, after a commit and after a rollback', async (world) => {
    const { size = 5 } = world.provider
    for (let round = 0; round < 2 * Math.min(size, 20); round++) {
      const session = await world.opened(`${round}`)
      await (round % 2 === 0 ? world.commit(session) : world.rollback(session))
      await world.assertNoneTaken()
    }
    await world.assertWhole()
  }),

  test('nothing of a session is left for the next one on its connection', async (world) => {
    await world.rollback(await world.opened('a'))
    await world.commit(await world.opened('b'))
    await world.commit(await world.open())
    assert.deepEqual(await world.ids(), ['b'])
  }),

  test('the provider says how many sessions can be open at once', ({ can, provider }) => {
    assert.equal(provider.size === 1, !can.parallel, `size is ${provider.size}, and can.parallel is ${can.parallel}`)
    return Promise.resolve()
  }),

  test('two sessions at once are apart, beside each other or one after the other', async (world) => {
    const first = await world.opened('first')
    const opening = world.opened('second')
    if (world.can.parallel) await opening
    await world.rollback(first)
    const second = await opening
    assert.deepEqual(await world.ids(), [])
    await world.commit(second)
    assert.deepEqual(await world.ids(), ['second'])
    await world.assertWhole()
  }),

  test('more sessions than there can be at once are all opened, one after another', async (world) => {
    const count = Math.min(world.provider.size ?? 5, 10) * 2
    const sessions = Array.from({ length: count }, async (_, index) => world.commit(await world.opened(`${index}`)))
    await Promise.all(sessions)
    assert.equal((await world.ids()).length, count)
    await world.assertWhole()
  }),
] as const
