import assert from 'node:assert/strict'
import { defineTask, type OpenSession, type TaskDefinition } from '../../index.ts'
import { testBackground } from '../test-background.ts'
import { testOf } from './case.ts'
import { type Alter, SESSION, sessionOf, Stage } from './stage.ts'
import type { World } from './world.ts'

/** A task whose effect and whose result say how often its work was done. */
interface Counted {
  readonly definition: TaskDefinition<'work', undefined, undefined, string>
  /** How often it was begun with a session. */
  readonly done: () => number
}

/** @param meanwhile  what happens after the effect, before the end of the attempt. */
function counted(world: World, meanwhile?: (db: unknown, done: number) => Promise<void>): Counted {
  let done = 0
  const definition = defineTask({
    name: 'work',
    retry: { attempts: 3, base: 1, cap: 1 },
    async run(_: undefined, context) {
      const db = await sessionOf(context)
      const number = ++done
      await world.site.insert(db, `effect ${number}`)
      await meanwhile?.(db, number)
      return `effect ${number}`
    },
  })
  return { definition, done: () => done }
}

/** Changes the commit of the attempt's session, and of that alone: it is the one in which the effect is. */
function commitOf(inEffect: () => boolean, commit: (session: OpenSession) => Promise<void>): Alter {
  let isChanged = false
  return (session) => ({
    // It would be called instead.
    commitWith: undefined,
    async commit() {
      if (isChanged || !inEffect()) return void (await session.commit())
      isChanged = true
      await commit(session)
    },
  })
}

/** Fails unless there is one effect, and the result is that of the same attempt. */
async function assertAgree(world: World, result: unknown, effect: string): Promise<void> {
  assert.deepEqual({ result, ids: await world.ids() }, { result: effect, ids: [effect] })
  await world.assertWhole()
}

/** Effects exactly once, whatever dies between the commit and the record of it. */
export const once = [
  testOf(
    ['recordable'],
    'a process that dies between commit and record: the next reports the first result',
    async (world) => {
      const { definition, done } = counted(world)
      const sessions = { [SESSION]: world.provider }
      const lab = await testBackground({ tasks: [definition], sessions })
      try {
        const task = await lab.background.add(definition)
        await world.bounded('the crash', lab.crash({ at: 'after-run' }))
        assert.deepEqual(await world.ids(), ['effect 1'])
        await world.bounded('the second attempt', lab.run())
        const result = await lab.background.result(task)
        assert.equal(done(), 1)
        await assertAgree(world, result, 'effect 1')
      } finally {
        await lab[Symbol.asyncDispose]()
      }
    },
  ),

  testOf(['recordable'], 'a commit whose answer is lost is looked up, not guessed', async (world) => {
    const { definition, done } = counted(world)
    const alter = commitOf(
      () => done() > 0,
      async (session) => {
        await session.commit()
        throw new Error('the connection was lost')
      },
    )
    await Stage.use(world, { tasks: [definition], alter }, async (stage) => {
      const { result } = await stage.run(definition)
      assert.equal(done(), 1)
      await assertAgree(world, result, 'effect 1')
    })
  }),

  testOf(
    ['recordable'],
    'a commit that was lost with its answer fails the attempt, and the next does the work',
    async (world) => {
      const { definition, done } = counted(world)
      const alter = commitOf(
        () => done() > 0,
        async (session) => {
          await session.rollback()
          throw new Error('the connection was lost')
        },
      )
      await Stage.use(world, { tasks: [definition], alter }, async (stage) => {
        const { result } = await stage.run(definition)
        assert.equal(done(), 2)
        await assertAgree(world, result, 'effect 2')
      })
    },
  ),

  testOf(
    ['severable'],
    'a connection that breaks under an attempt fails it, and the next does the work',
    async (world) => {
      const { definition } = counted(world, async (db, number) => {
        if (number === 1) await world.site.sever!(db)
      })
      await Stage.use(world, { tasks: [definition] }, async (stage) => {
        const { result } = await stage.run(definition)
        await assertAgree(world, result, 'effect 2')
      })
    },
  ),
] as const
