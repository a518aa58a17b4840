/** What happens now and then: beats, looks for the dead, polls, pruning. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { EventHub } from '../../src/engine/event-hub.ts'
import type { Rescuer } from '../../src/engine/rescuer.ts'
import { Upkeep } from '../../src/engine/upkeep.ts'
import type { Ability } from '../../src/model/lack.ts'
import type { TaskKind } from '../../src/model/task.ts'
import type { Store } from '../../src/ports/store.ts'
import { fixedChance, timedBench } from '../support/bench.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** Upkeep that notes when it does what. */
function noted({ beatMs = 5_000, pollMs = 5_000, chance = 0.5, prunes = [] as boolean[] } = {}) {
  const clock = new FakeClock()
  const at: Record<'beat' | 'sweep' | 'poll' | 'surplus' | 'prune', number[]> = {
    beat: [],
    sweep: [],
    poll: [],
    surplus: [],
    prune: [],
  }
  const errors: unknown[] = []
  const ready: TaskKind[] = []
  const workers: Ability[] = []
  const told: string[] = []
  const note = (what: keyof typeof at) => {
    at[what].push(clock.monotonicMs())
    return Promise.resolve()
  }
  const store = {
    prune: () => note('prune').then(() => ({ removed: 0, done: prunes.shift() ?? true })),
    readyKinds: () => Promise.resolve([...ready]),
    workers: () => Promise.resolve([...workers]),
  }
  const hub = new EventHub(() => undefined)
  hub.on('store:error', ({ error }) => errors.push(error))
  const facts = ({ queue, name, version }: TaskKind) => `${name}@${version} in ${queue}`
  hub.on('task:unknown', (kind) => told.push(`${facts(kind)} lacks ${kind.lack}`))
  hub.on('task:known', (kind) => told.push(`${facts(kind)} is over at ${clock.monotonicMs()}`))
  const parts = {
    store: store as unknown as Store,
    clock,
    chance: fixedChance(chance),
    hub,
    rescuer: { sweep: () => note('sweep') } as unknown as Rescuer,
    retention: { succeeded: 1, failed: 1, cancelled: 1, quarantined: 1 },
    beatMs,
    pollMs,
    beat: () => note('beat'),
    poll: () => void note('poll'),
    handBackSurplus: () => note('surplus'),
  }
  return { clock, at, errors, ready, workers, told, parts, upkeep: new Upkeep(parts) }
}

describe('upkeep', () => {
  test('looks for the dead each second', async () => {
    const { upkeep, clock, at } = noted()
    upkeep.start()
    await clock.advance(3_500)
    assert.deepEqual(at.sweep, [1_000, 2_000, 3_000])
  })

  test('beats as often as it should', async () => {
    const { upkeep, clock, at } = noted({ beatMs: 5_000 })
    upkeep.start()
    await clock.advance(15_500)
    assert.deepEqual(at.beat, [5_000, 10_000, 15_000])
  })

  test('beats, and looks for the dead, more often when the beat is shorter', async () => {
    const { upkeep, clock, at } = noted({ beatMs: 200 })
    upkeep.start()
    await clock.advance(1_000)
    assert.deepEqual(at.beat, [200, 400, 600, 800, 1_000])
    assert.deepEqual(at.sweep, at.beat)
  })

  test('polls about as often as it should, each process at a time of its own', async () => {
    const [early, late] = [noted({ chance: 0 }), noted({ chance: 0.999 })]
    for (const { upkeep, clock } of [early, late]) {
      upkeep.start()
      await clock.advance(60_000)
    }
    assert.deepEqual(early.at.poll.slice(0, 3), [5_000, 10_000, 15_000])
    assert.deepEqual(late.at.poll.slice(0, 3), [5_000, 11_000, 17_000])
  })

  test('prunes piece by piece, a piece each second, and then rests for a minute', async () => {
    const { upkeep, clock, at } = noted({ prunes: [false, false, true] })
    upkeep.start()
    await clock.advance(64_000)
    assert.deepEqual(at.prune, [1_000, 2_000, 3_000, 63_000])
  })

  test('goes on after an error, and tells of it', async () => {
    const { upkeep, clock, at, errors, parts } = noted()
    const error = new Error('busy')
    parts.handBackSurplus = () => Promise.reject(error)
    upkeep.start()
    await clock.advance(3_000)
    assert.deepEqual([errors, at.sweep.length], [[error, error, error], 3])
  })

  test('does not begin a round before the last has ended', async () => {
    const { upkeep, clock, at, parts } = noted()
    const { promise, resolve } = Promise.withResolvers<void>()
    parts.handBackSurplus = () => promise
    upkeep.start()
    await clock.advance(10_000)
    assert.equal(at.sweep.length, 1)
    resolve()
    await clock.advance(1_000)
    assert.equal(at.sweep.length, 2)
  })

  test('does nothing more once it was stopped, and leaves no timer', async () => {
    const { upkeep, clock, at } = noted()
    upkeep.start()
    await clock.advance(1_000)
    await upkeep.stop()
    await clock.advance(10_000)
    assert.deepEqual([at.sweep.length, clock.timers], [1, 0])
  })

  test('has stopped when the round under way has ended', async () => {
    const { upkeep, clock, parts } = noted()
    const { promise, resolve } = Promise.withResolvers<void>()
    parts.handBackSurplus = () => promise
    upkeep.start()
    await clock.advance(1_000)
    let stopped = false
    const stopping = upkeep.stop().then(() => (stopped = true))
    await clock.settle()
    assert.equal(stopped, false)
    resolve()
    await stopping
    assert.equal(clock.timers, 0)
  })
})

describe('a task that is ready', () => {
  const kind = (queue: string, name: string, version = 1): TaskKind => ({ queue, name, version })
  const ability = (queues: string[], ...definitions: [name: string, version: number][]): Ability => ({
    queues,
    definitions: definitions.map(([name, version]) => ({ name, version })),
  })

  test('and that no worker can run is told of once, with what is missing', async () => {
    const { upkeep, clock, ready, workers, told } = noted()
    ready.push(kind('mail', 'greet'), kind('mail', 'welcome'), kind('far', 'greet'), kind('mail', 'greet', 3))
    workers.push(ability(['mail'], ['greet', 2]), ability(['near'], ['welcome', 1]))
    upkeep.start()
    await clock.advance(200_000)
    assert.deepEqual(told, [
      'welcome@1 in mail lacks name',
      'greet@1 in far lacks queue',
      'greet@3 in mail lacks version',
    ])
  })

  test('and that some worker can run is not', async () => {
    const { upkeep, clock, ready, workers, told } = noted()
    ready.push(kind('mail', 'greet', 2))
    workers.push(ability([]), ability(['other', 'mail'], ['other', 1], ['greet', 2]))
    upkeep.start()
    await clock.advance(200_000)
    assert.deepEqual(told, [])
  })

  test('is told of when the last worker that took it has gone, and again when one has come', async () => {
    const { upkeep, clock, ready, workers, told } = noted()
    ready.push(kind('mail', 'greet'))
    workers.push(ability(['mail'], ['greet', 1]))
    upkeep.start()
    await clock.advance(70_000)
    workers.length = 0
    await clock.advance(100_000)
    assert.deepEqual(told, ['greet@1 in mail lacks worker'])
    workers.push(ability(['mail'], ['greet', 1]))
    await clock.advance(5_000)
    assert.deepEqual(told.slice(1), ['greet@1 in mail is over at 175000'])
    workers.length = 0
    await clock.advance(60_000)
    assert.deepEqual(told.slice(2), ['greet@1 in mail lacks worker'])
    ready.length = 0
    await clock.advance(5_000)
    assert.deepEqual(told.length, 4)
  })
})

describe('retention', () => {
  const noop = defineTask({ name: 'noop', run: () => undefined })
  const fails = defineTask({ name: 'fails', retry: { attempts: 1 }, run: () => Promise.reject(new Error('no')) })
  const MINUTE = 60_000

  test('keeps a finished task for its time, by how it ended, and no longer', async (t) => {
    const { background, clock } = timedBench(t, {
      tasks: [noop, fails],
      retention: { succeeded: '1m', failed: '4m', cancelled: '7m' },
    })
    const ids = await clock.run(
      Promise.all([background.add(noop), background.add(fails), background.add(noop, undefined, { delay: '1d' })]),
    )
    await background.cancel(ids[2].id)
    const left = async () => (await Promise.all(ids.map(({ id }) => background.get(id)))).map((task) => task?.state)
    await clock.advance(MINUTE / 2)
    assert.deepEqual(await left(), ['succeeded', 'failed', 'cancelled'])
    await clock.advance(3 * MINUTE)
    assert.deepEqual(await left(), [undefined, 'failed', 'cancelled'])
    await clock.advance(3 * MINUTE)
    assert.deepEqual(await left(), [undefined, undefined, 'cancelled'])
    await clock.advance(3 * MINUTE)
    assert.deepEqual(await left(), [undefined, undefined, undefined])
  })

  test('never touches a task that is not finished', async (t) => {
    const { background, clock, row } = timedBench(t, { tasks: [noop], retention: { succeeded: 0 } })
    const { id } = await clock.run(background.add(noop, undefined, { delay: '1d' }))
    await clock.advance(3 * MINUTE)
    assert.equal((await row(id)).state, 'scheduled')
  })
})
