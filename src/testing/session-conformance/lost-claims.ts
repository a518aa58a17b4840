import assert from 'node:assert/strict'
import { type BackgroundOptions, defineTask } from '../../index.ts'
import { systemChance, systemClock } from '../../ports/system.ts'
import { SqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { testOf } from './case.ts'
import { sessionOf, Stage } from './stage.ts'
import type { World } from './world.ts'

const nudge = defineTask({ name: 'nudge', run: () => undefined })

/** Another worker on the store of a background, which takes its claims away. */
interface Other {
  /** What the background is to be created with. */
  readonly store: BackgroundOptions['store']
  rescue(worker: number): Promise<void>
  close(): Promise<void>
}

function otherWorker({ store }: World['site']): Other {
  const own = new SqliteStore(store?.replace('sqlite:', ''), { clock: systemClock, chance: systemChance })
  return {
    store: store ?? own,
    async rescue(worker) {
      if (store !== undefined) await own.open()
      await own.rescue(worker, systemClock.now())
    },
    close: () => own.close(),
  }
}

/**
 * Lets the first attempt of a task lose its claim and end well all the same, and looks at what came of it: one effect, and the
 * result of the same attempt.
 *
 * @param hears  whether the attempt learns of it before it ends.
 * @returns that effect.
 */
async function loseClaim(world: World, hears: boolean): Promise<string> {
  const other = otherWorker(world.site)
  const given = Promise.withResolvers<string>()
  let worker = 0
  let stage: Stage | undefined
  const lose = async (signal: AbortSignal): Promise<void> => {
    await other.rescue(worker)
    if (!hears) return
    // Its next write tells a worker that it was taken for dead.
    await stage!.background.add(nudge)
    await world.until('the signal', () => signal.aborted)
  }
  const work = defineTask({
    name: 'work',
    async run(_: undefined, context) {
      const [effect, isFirst] = [`effect of claim ${context.crashes + 1}`, context.crashes === 0]
      // Nobody else can write to the file of the store while the session is open there.
      const isBefore = world.site.store !== undefined
      if (isFirst && isBefore) await lose(context.signal)
      await world.site.insert(await sessionOf(context), effect)
      if (isFirst && !isBefore) await lose(context.signal)
      return effect
    },
  })
  // One that hears of it from nothing else does so from its beat.
  await Stage.use(world, { tasks: [work, nudge], store: other.store, beat: 100 }, async (used) => {
    stage = used
    used.background.on('worker:registered', (event) => void (worker ||= event.worker))
    given.resolve(String((await used.run(work)).result))
    assert.deepEqual(await world.ids(), [await given.promise])
  })
  await other.close()
  await world.assertWhole()
  return given.promise
}

/** Attempts whose claim another worker has by the time they end. */
export const lostClaims = [
  testOf(['recordable'], 'an attempt that has lost its claim leaves nothing once it knows', async (world) => {
    assert.equal(await loseClaim(world, true), 'effect of claim 2')
  }),

  testOf(
    ['recordable'],
    'an attempt that has lost its claim and does not know leaves one effect, and its result',
    async (world) => {
      await loseClaim(world, false)
    },
  ),
] as const
