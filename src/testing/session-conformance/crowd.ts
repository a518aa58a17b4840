import assert from 'node:assert/strict'
import {
  type AttemptEnd,
  defineTask,
  giveUp,
  isAfterwordError,
  type TaskContext,
  type TaskReference,
} from '../../index.ts'
import { test } from './case.ts'
import { aborted, sessionOf, Stage } from './stage.ts'
import type { World } from './world.ts'

/** So many attempts are made at least. */
const ATTEMPTS = 1_000
/** So many tasks are added before the pool is looked at. */
const CROWD = 20
/** How long attempts of the hasty tasks may take, in milliseconds: some end before, some are cut wherever they stand. */
const TIMEOUTS_MS = [2, 6, 15]
/** How long one may go on after its signal has aborted, in milliseconds. */
const ABANDON_MS = 20

/** What an attempt does at one of its places. `linger`: it goes on after everybody has ceased to wait for it. */
const ACTS = ['throw', 'give up', 'cancel and heed', 'cancel and go on', 'stall', 'linger'] as const
type Act = (typeof ACTS)[number]

/** What is drawn for an attempt: nothing, or an act before its session, with it, between its two rows, or after both. */
interface Fate {
  readonly act: Act | undefined
  readonly place: number
}

/** Numbers from 0 to below 1 that depend on the seed alone. @source "mulberry32", Tommy Ettinger, 2017; public domain. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What becomes of an attempt, the same for the same seed, task and attempt. */
function fateOf(seed: number, task: number, attempt: number): Fate {
  const next = numbers(seed * 1_000_003 + task * 31 + attempt)
  const isQuiet = next() < 0.5
  return {
    act: isQuiet ? undefined : ACTS[Math.floor(next() * ACTS.length)],
    place: Math.floor(next() * 4),
  }
}

class Thrown extends Error {}

/** All the tasks of a background whose attempts end in every way, and what they should have left. */
class Crowd {
  readonly #world: World
  readonly #stage: () => Stage
  /** Attempts that go on after they were given up, and what their use of the session came to. */
  readonly #lingering: Promise<unknown>[] = []
  /** Resolves when the attempt was given up, by its task and its number. */
  readonly #abandoned = new Map<string, PromiseWithResolvers<void>>()
  readonly kinds

  constructor(world: World, stage: () => Stage) {
    this.#world = world
    this.#stage = stage
    this.kinds = [undefined, ...TIMEOUTS_MS].map((timeout) =>
      defineTask({
        name: timeout === undefined ? 'patient' : `hasty-${timeout}`,
        timeout,
        retry: { attempts: 3, base: 1, cap: 1 },
        run: (number: number, context) => this.#run(number, context, timeout !== undefined),
      }),
    )
  }

  /** Adds the next tasks and waits until all of them have ended for good. */
  async pass(from: number): Promise<readonly { readonly number: number; readonly task: TaskReference }[]> {
    const { background } = this.#stage()
    const tasks = await Promise.all(
      Array.from({ length: CROWD }, async (_, index) => {
        const number = from + index
        return { number, task: await background.add(this.kinds[number % this.kinds.length]!, number) }
      }),
    )
    await Promise.allSettled(tasks.map(({ task }) => background.result(task)))
    await Promise.allSettled(this.#lingering.splice(0))
    return tasks
  }

  /** That attempt was given up: if it lingers, it goes on. */
  abandoned(id: string, attempt: number): void {
    this.#abandonment(id, attempt).resolve()
  }

  #abandonment(id: string, attempt: number): PromiseWithResolvers<void> {
    const key = `${id} ${attempt}`
    const known = this.#abandoned.get(key) ?? Promise.withResolvers<void>()
    this.#abandoned.set(key, known)
    return known
  }

  async #run(number: number, context: TaskContext, isHasty: boolean): Promise<void> {
    const fate = fateOf(this.#world.seed, number, context.attempt)
    const at = async (place: number): Promise<void> => {
      if (fate.act !== undefined && place === fate.place) await this.#act(fate.act, context, isHasty)
    }
    const work = async (): Promise<void> => {
      await at(0)
      const db = await sessionOf(context)
      await at(1)
      await this.#world.site.insert(db, `${number} first`)
      await at(2)
      await this.#world.site.insert(db, `${number} second`)
      await at(3)
    }
    const working = work()
    if (fate.act === 'linger') this.#lingering.push(working)
    await working
  }

  async #act(act: Act, context: TaskContext, isHasty: boolean): Promise<void> {
    const cancel = (): void => void this.#stage().background.cancel(context.id)
    switch (act) {
      case 'throw':
        throw new Thrown('no luck')
      case 'give up':
        throw giveUp('no use')
      case 'cancel and go on':
        return cancel()
      case 'cancel and heed':
        cancel()
        return aborted(context.signal)
      case 'stall':
        if (!isHasty) cancel()
        return aborted(context.signal)
      case 'linger':
        if (!isHasty) cancel()
        return this.#abandonment(context.id, context.attempt).promise
    }
  }
}

/** How attempts ended, for the claim that they ended in every way, and in no other. */
function tally(ends: readonly AttemptEnd[]): { readonly counts: Map<string, number>; readonly strange: string[] } {
  const counts = new Map<string, number>()
  const strange: string[] = []
  for (const { state, thrown, error } of ends) {
    const isTimeout = isAfterwordError(thrown, 'ATTEMPT_TIMEOUT')
    const way = isTimeout ? 'timed out' : thrown instanceof Thrown ? 'threw' : state
    counts.set(way, (counts.get(way) ?? 0) + 1)
    const isOurs = isTimeout || thrown instanceof Thrown || error?.message === 'no use'
    if (error !== undefined && state !== 'cancelled' && !isOurs) strange.push(`${state}: ${error.message}`)
  }
  return { counts, strange }
}

async function thousand(world: World): Promise<void> {
  let used: Stage | undefined
  const crowd = new Crowd(world, () => used!)
  const expected: string[] = []
  await Stage.use(world, { tasks: crowd.kinds, concurrency: 10, abandonAfter: ABANDON_MS }, async (stage) => {
    used = stage
    stage.background.on('attempt:abandoned', ({ attempt }) => crowd.abandoned(attempt.id, attempt.attempt))
    for (let from = 0; stage.ends.length < ATTEMPTS; from += CROWD) {
      const tasks = await world.bounded(`the end of tasks ${from} to ${from + CROWD - 1}`, crowd.pass(from))
      for (const { number, task } of tasks) {
        const { state } = (await stage.background.get(task.id))!
        if (state === 'succeeded') expected.push(`${number} first`, `${number} second`)
      }
      await world.assertNoneTaken()
    }
    const { counts, strange } = tally(stage.ends)
    assert.deepEqual(strange, [])
    for (const way of ['succeeded', 'cancelled', 'timed out', 'threw', 'failed']) {
      assert.ok((counts.get(way) ?? 0) > 20, `only ${counts.get(way) ?? 0} attempts ${way}`)
    }
  })
  assert.deepEqual(await world.ids(), expected.sort())
  await world.assertWhole()
}

/** Many attempts that end in every way, ten at once. */
export const crowd = [
  test(`of ${ATTEMPTS} attempts that throw, time out, are cancelled or given up, those that succeed leave what they wrote`, async (world) => {
    try {
      await thousand(world)
    } catch (error) {
      throw new assert.AssertionError({ message: `with seed ${world.seed}: ${String(error)}` })
    }
  }),
] as const
