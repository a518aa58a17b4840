import assert from 'node:assert/strict'
import { defineTask, isAfterwordError, type OpenSession } from '../../index.ts'
import { test, testOf } from './case.ts'
import { aborted, type Alter, sessionOf, Stage } from './stage.ts'

/** What the attempts of a real background do with their sessions. */
export const attempts = [
  test('what an attempt wrote is there once it has succeeded', async (world) => {
    const work = defineTask({
      name: 'work',
      async run(_: undefined, context) {
        const db = await sessionOf(context)
        await world.site.insert(db, 'a')
        assert.deepEqual(await world.ids(), [])
        await world.site.insert(db, 'b')
        return 'done'
      },
    })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      assert.deepEqual(await stage.run(work), { result: 'done', error: undefined })
      assert.deepEqual(await world.ids(), ['a', 'b'])
    })
    await world.assertWhole()
  }),

  test('an attempt that throws leaves nothing, and the next one begins anew', async (world) => {
    const work = defineTask({
      name: 'work',
      retry: { attempts: 3, base: 1, cap: 1 },
      async run(_: undefined, context) {
        await world.site.insert(await sessionOf(context), 'a')
        if (context.attempt < 3) throw new Error('no luck')
      },
    })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      assert.equal((await stage.run(work)).error, undefined)
      assert.deepEqual(
        stage.ends.map(({ state }) => state),
        ['scheduled', 'scheduled', 'succeeded'],
      )
      assert.deepEqual(await world.ids(), ['a'])
    })
    await world.assertWhole()
  }),

  test('no session is opened for an attempt that asks for none', async (world) => {
    const work = defineTask({ name: 'work', run: (_: undefined, { session }) => void session })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      await stage.run(work)
      assert.equal(stage.opened, 0)
    })
  }),

  test('an attempt has one session, however often it asks', async (world) => {
    const work = defineTask({
      name: 'work',
      async run(_: undefined, context) {
        const [first, second] = await Promise.all([sessionOf(context), sessionOf(context)])
        assert.equal(first, second)
        assert.equal(first, await sessionOf(context))
        await world.site.insert(first, 'a')
        await world.site.insert(second, 'b')
      },
    })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      assert.equal((await stage.run(work)).error, undefined)
      assert.deepEqual(await world.ids(), ['a', 'b'])
    })
    await world.assertWhole()
  }),

  test('queries side by side are all committed, or the attempt fails and none is', async (world) => {
    const ids = Array.from({ length: 10 }, (_, index) => `${index}`)
    const work = defineTask({
      name: 'work',
      async run(_: undefined, context) {
        const db = await sessionOf(context)
        await Promise.all(ids.map((id) => world.site.insert(db, id)))
      },
    })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      const { error } = await stage.run(work)
      assert.deepEqual(await world.ids(), error === undefined ? ids : [])
    })
    await world.assertWhole()
  }),

  // A row of another session that is not decided yet keeps the query waiting for as long as the case likes.
  testOf(
    ['asynchronous', 'parallel'],
    'an attempt that ends while a query runs fails, and leaves nothing',
    async (world) => {
      const other = await world.opened('a')
      const rolledBack = Promise.withResolvers<void>()
      let [latest, session]: (OpenSession | undefined)[] = []
      const alter: Alter = (opened) => {
        latest = opened
        return {
          rollback() {
            // Others are opened to see to the table of outcomes.
            if (session === opened) rolledBack.resolve()
            return opened.rollback()
          },
        }
      }
      const work = defineTask({
        name: 'work',
        async run(_: undefined, context) {
          const db = await sessionOf(context)
          session = latest
          world.site.insert(db, 'a').catch(() => undefined)
          await world.until('running() being 1', () => session?.running?.() === 1)
        },
      })
      await Stage.use(world, { tasks: [work], alter }, async (stage) => {
        const ending = stage.run(work)
        await world.bounded('the rollback', Promise.race([rolledBack.promise, ending]))
        await world.rollback(other)
        const { error } = await ending
        assert.ok(isAfterwordError(error, 'SESSION_QUERY_RUNNING'), String(error))
        assert.deepEqual(await world.ids(), [])
      })
      await world.assertWhole()
    },
  ),

  test('a query that nobody has awaited is committed with the attempt, or it is not done at all', async (world) => {
    let inserting: Promise<string> | undefined
    const work = defineTask({
      name: 'work',
      async run(_: undefined, context) {
        const db = await sessionOf(context)
        inserting = Promise.try(() => world.site.insert(db, 'a')).then(
          () => 'done',
          () => 'refused',
        )
      },
    })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      const { error } = await stage.run(work)
      const told = await world.bounded('the query', inserting!)
      await world.commit(await world.open())
      assert.deepEqual(await world.ids(), error === undefined && told === 'done' ? ['a'] : [])
    })
    await world.assertWhole()
  }),

  // MySQL rolls a transaction back by itself when it deadlocks, and goes on without one.
  testOf(
    ['asynchronous', 'parallel'],
    'an attempt that goes on after a deadlock keeps all of it, or nothing',
    async (world) => {
      const heavy = Array.from({ length: 20 }, (_, index) => `heavy ${index}`)
      const other = await world.opened(...heavy, 'theirs')
      const isLocked = Promise.withResolvers<void>()
      const isWaiting = Promise.withResolvers<void>()
      const done: string[] = []
      const work = defineTask({
        name: 'work',
        async run(_: undefined, context) {
          const db = await sessionOf(context)
          const insert = (id: string): Promise<unknown> => world.site.insert(db, id).then(() => done.push(id))
          await insert('before')
          await insert('ours')
          isLocked.resolve()
          await isWaiting.promise
          await insert('theirs').catch(() => insert('after').catch(() => undefined))
        },
      })
      await Stage.use(world, { tasks: [work] }, async (stage) => {
        const ending = stage.run(work)
        await world.bounded('the locks', isLocked.promise)
        const waiting = world.insert(other, 'ours').catch(() => undefined)
        await world.until('running() being 1', () => other.running?.() === 1)
        isWaiting.resolve()
        await world.bounded('the end of the deadlock', Promise.race([waiting, ending]))
        await world.giveUp(other)
        const { error } = await ending
        assert.deepEqual(await world.ids(), error === undefined ? done.sort() : [])
      })
      await world.assertWhole()
    },
  ),

  test('a stop rolls back what has not ended, and takes back every session', async (world) => {
    const isOpen = Promise.withResolvers<void>()
    const work = defineTask({
      name: 'work',
      async run(_: undefined, context) {
        await world.site.insert(await sessionOf(context), 'a')
        isOpen.resolve()
        await aborted(context.signal)
      },
    })
    await Stage.use(world, { tasks: [work] }, async ({ background }) => {
      await background.add(work)
      await world.bounded('the session', isOpen.promise)
      const { handedBack } = await world.bounded('stop()', background.stop({ grace: 0 }))
      assert.equal(handedBack.length, 1)
    })
    assert.deepEqual(await world.ids(), [])
    await world.assertWhole()
  }),
] as const
