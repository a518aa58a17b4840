import assert from 'node:assert/strict'
import { defineTask, isAfterwordError } from '../../index.ts'
import { test } from './case.ts'
import { SESSION, sessionOf, Stage } from './stage.ts'
import type { World } from './world.ts'

/** Runs an attempt to its success and gives what it had: its session, and the way to ask for one. */
async function over(world: World, body: (db: unknown, ask: () => Promise<unknown>) => Promise<void>): Promise<void> {
  let db: unknown
  let ask: (() => Promise<unknown>) | undefined
  const work = defineTask({
    name: 'work',
    async run(_: undefined, context) {
      ask = () => sessionOf(context)
      db = await ask()
      await world.site.insert(db, 'a')
    },
  })
  await Stage.use(world, { tasks: [work] }, async (stage) => {
    assert.equal((await stage.run(work)).error, undefined)
    await body(db, ask!)
  })
}

/** What the use of a session throws that has ended. */
async function refused(use: () => Promise<unknown>): Promise<Error> {
  const error = await use().then(
    () => assert.fail('a session that has ended was used'),
    (error: unknown) => error,
  )
  assert.ok(isAfterwordError(error, 'SESSION_ENDED'), String(error))
  return error
}

/** Where these guards lie, in the sources and as they are built. */
const SESSIONS = new URL('../../sessions/', import.meta.url).href

/** What becomes of a session that is used after its attempt. */
export const late = [
  test('a session that has ended is refused by its name and that of its task', async (world) => {
    await over(world, async (db) => {
      const { message } = await refused(async () => world.site.insert(db, 'late'))
      assert.ok(message.includes(`session "${SESSION}" of task "work"`), message)
      assert.deepEqual(await world.ids(), ['a'])
    })
    await world.assertWhole()
  }),

  test('the stack of that error begins with the line that used the session', async (world) => {
    await over(world, async (db) => {
      const { stack = '' } = await refused(async () => world.site.insert(db, 'late'))
      const first = stack.split('\n').find((line) => /^\s+at /.test(line)) ?? ''
      assert.ok(!first.includes(SESSIONS) && !/node_modules|node:|<anonymous>/.test(first), stack)
    })
  }),

  test('asking for the session after the attempt gives nothing that can be used', async (world) => {
    await over(world, async (_, ask) => {
      await refused(async () => world.site.insert(await ask(), 'late'))
      assert.deepEqual(await world.ids(), ['a'])
    })
    await world.assertWhole()
  }),

  test('no session is opened for an attempt that has ended', async (world) => {
    let ask: (() => Promise<unknown>) | undefined
    const work = defineTask({
      name: 'work',
      run(_: undefined, context) {
        ask = () => sessionOf(context)
      },
    })
    await Stage.use(world, { tasks: [work] }, async (stage) => {
      await stage.run(work)
      await refused(ask!)
      assert.equal(stage.opened, 0)
    })
  }),
] as const
