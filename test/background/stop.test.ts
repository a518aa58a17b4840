/** Starting and stopping: in order, without loss, and with an account of what was left. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { AbortReason, AnyTaskDefinition, TaskContext } from '../../src/model/definition.ts'
import { AfterwordError } from '../../src/model/errors.ts'
import type { Logger } from '../../src/model/logger.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { openDatabase } from '../../src/stores/sqlite/open-database.ts'
import { SqlitePresence } from '../../src/stores/sqlite/presence.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { bench, databaseFile, fixedChance, folder, gate, SILENT, timedBench, untilAborted } from '../support/bench.ts'
import { FakeClock, turn } from '../support/fake-clock.ts'
import { Faults } from '../support/faulty-store.ts'

const noop = defineTask({ name: 'noop', run: () => 'done' })
const heeds = defineTask({ name: 'heeds', run: (_: undefined, { signal }: TaskContext) => untilAborted(signal) })
const ignores = defineTask({ name: 'ignores', run: () => new Promise<void>(() => undefined) })
const NOTHING = { finished: 0, handedBack: [], abandoned: [], leftToRescue: [], deferred: 0 }

/** A task as another background of the same file finds it, after the first has gone. */
async function afterwards(t: Parameters<typeof bench>[0], store: `sqlite:${string}`, id: string) {
  const { row } = bench(t, { store, works: false })
  const { state, attempt, handBacks, crashes } = await row(id)
  return { state, attempt, handBacks, crashes }
}

describe('stop', { concurrency: 8 }, () => {
  test('of an idle background has nothing to account for', async (t) => {
    const { background, until } = bench(t, { tasks: [noop] })
    await background.start()
    assert.deepEqual(await background.stop(), NOTHING)
    assert.deepEqual(await until('stopped'), NOTHING)
  })

  test('waits for what runs, within the grace', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until } = bench(t, { store, tasks: [waits] })
    const { id } = await background.add(waits)
    await until('attempt:start', id)
    const stopping = background.stop({ grace: '1h' })
    open.open()
    assert.deepEqual(await stopping, { ...NOTHING, finished: 1 })
    assert.equal((await afterwards(t, store, id)).state, 'succeeded')
  })

  test('stores a failed attempt that ends meanwhile, with its retry', async (t) => {
    const open = gate()
    const fails = defineTask({ name: 'fails', run: () => open.opened.then(() => Promise.reject(new Error('no'))) })
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until } = bench(t, { store, tasks: [fails] }, { chance: fixedChance(0.5) })
    const { id } = await background.add(fails)
    await until('attempt:start', id)
    const stopping = background.stop({ grace: '1h' })
    open.open()
    assert.equal((await stopping).finished, 1)
    assert.deepEqual(await afterwards(t, store, id), { state: 'scheduled', attempt: 1, handBacks: 0, crashes: 0 })
  })

  test('aborts the signals after the grace and not before, with reason kind "shutdown"', async (t) => {
    const reasons: string[] = []
    const records = defineTask({
      name: 'records',
      run: async (_: undefined, { signal }) =>
        untilAborted(signal).catch((reason: unknown) => reasons.push((reason as AbortReason).kind)),
    })
    const { background, clock } = timedBench(t, { tasks: [records] })
    await clock.run(background.add(records))
    await clock.settle()
    const stopping = background.stop({ grace: '3s' })
    await clock.advance(2_999)
    assert.deepEqual(reasons, [])
    await clock.advance(1)
    assert.deepEqual(reasons, ['shutdown'])
    assert.equal((await clock.run(stopping)).finished, 1)
  })

  test('hands a task back unspent that heeds its signal: an interruption is no failure', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until, events } = bench(t, { store, tasks: [heeds] })
    const { id } = await background.add(heeds)
    await until('attempt:start', id)
    assert.deepEqual(await background.stop({ grace: 0 }), { ...NOTHING, handedBack: [id] })
    assert.deepEqual(await afterwards(t, store, id), { state: 'ready', attempt: 0, handBacks: 1, crashes: 0 })
    assert.equal(events.all('attempt:failed').length, 0)
  })

  test('hands a task back unspent that ignores its signal, and lists it as abandoned', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until, events } = bench(t, { store, tasks: [ignores] })
    const { id } = await background.add(ignores)
    await until('attempt:start', id)
    const { handedBack, abandoned } = await background.stop({ grace: 0 })
    assert.deepEqual(
      [handedBack, abandoned.map((facts) => [facts.id, facts.name, facts.attempt])],
      [[id], [[id, 'ignores', 1]]],
    )
    assert.deepEqual(
      events.all('attempt:abandoned').map(({ attempt, reason }) => [attempt.id, reason]),
      [[id, 'shutdown']],
    )
    assert.deepEqual(await afterwards(t, store, id), { state: 'ready', attempt: 0, handBacks: 1, crashes: 0 })
  })

  test('ends a task as cancelled that was asked to and ignores it', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until } = bench(t, { store, tasks: [ignores] })
    const { id } = await background.add(ignores)
    await until('attempt:start', id)
    await background.cancel(id)
    const { handedBack, abandoned } = await background.stop({ grace: 0 })
    assert.deepEqual([handedBack, abandoned.length], [[], 1])
    assert.equal((await afterwards(t, store, id)).state, 'cancelled')
  })

  test('hands a task back that is past its timeout and goes on: nothing is written after the end', async (t) => {
    const { background, clock, events } = timedBench(t, { tasks: [ignores], timeout: '1s', abandonAfter: '1h' })
    const { id } = await clock.run(background.add(ignores))
    await clock.advance(2_000)
    const { handedBack, abandoned } = await clock.run(background.stop({ grace: '1s' }))
    assert.deepEqual([handedBack, abandoned.map((facts) => facts.id)], [[id], [id]])
    await clock.advance(10_000)
    assert.deepEqual([events.heard.at(-1)?.name, events.all('store:error'), clock.timers], ['stopped', [], 0])
  })

  test('comes to its end when the store refuses to take anything back: others will rescue it', async (t) => {
    const faults = new Faults()
    const { background, until, events } = bench(t, { store: faults.store, tasks: [heeds] })
    const { id } = await background.add(heeds)
    await until('attempt:start')
    const busy = new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 })
    faults.refuse('handBack', busy)
    assert.deepEqual(await background.stop({ grace: 0 }), { ...NOTHING, leftToRescue: [id] })
    assert.equal(events.all('store:error').length, 1)
  })

  test('stays registered with what the store did not take back: others rescue only whom they find there', async (t) => {
    const file = databaseFile(t)
    const faults = new Faults(new SqliteStore(file, { clock: systemClock, chance: systemChance }))
    const { background, until, events } = bench(t, { store: faults.store, tasks: [heeds] })
    const { id } = await background.add(heeds)
    await until('attempt:start')
    faults.refuse('handBack', new AfterwordError('STORE_FULL', { file }))
    await background.stop({ grace: 0 })
    const [registered] = events.all('worker:registered')

    const after = new SqliteStore(file, { clock: systemClock, chance: systemChance })
    await after.open()
    t.after(() => after.close())
    assert.deepEqual(
      (await after.workers()).map(({ incarnation }) => incarnation),
      [registered!.worker],
    )
    assert.deepEqual((await after.rescue(registered!.worker, 0)).requeued, [id])
  })

  test('comes to its end when the store refuses to let it go', async (t) => {
    const faults = new Faults()
    const { background, events } = bench(t, { store: faults.store, tasks: [noop] })
    await background.start()
    faults.refuse('retire', new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 }))
    assert.deepEqual(await background.stop({ grace: 0 }), NOTHING)
    assert.equal(events.all('store:error').length, 1)
  })

  test('records what has ended, and keeps no claim, when another process locks the store for longer than it waits', async (t) => {
    const file = databaseFile(t)
    const clock = new FakeClock()
    // Without a file of its own it waits for no disk, which that clock knows nothing of.
    const memory = openDatabase(file)
    t.after(() => memory.close())
    const store = new SqliteStore(undefined, { clock, chance: fixedChance(0), memory })
    const [open, late] = [gate(), gate()]
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const ends = defineTask({ name: 'ends', run: () => late.opened })
    const { background } = bench(t, { store, tasks: [waits, ends, noop], concurrency: 4 }, { clock })
    const ended = [await clock.run(background.add(waits)), await clock.run(background.add(ends))]
    const other = new DatabaseSync(file)
    t.after(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const adds = [background.add(noop)]
    await clock.settle()
    open.open()
    adds.push(background.add(noop))
    await clock.settle()
    const stopping = background.stop({ grace: 0 })
    // Longer than it waits for attempts, and not as long as it waits for the store.
    await clock.advance(1_000)
    late.open()
    await clock.advance(4_000)
    other.exec('ROLLBACK')
    const { finished, handedBack, abandoned } = await clock.run(stopping)
    const added = (await Promise.all(adds)).map(({ id }) => id)
    assert.deepEqual([finished, [...handedBack].sort(), abandoned], [2, added.toSorted(), []])
    const rows = other
      .prepare('SELECT id, state, worker FROM afterword_tasks ORDER BY id')
      .all()
      .map((row) => ({ ...row }))
    assert.deepEqual(rows, [
      ...ended.map(({ id }) => ({ id, state: 'succeeded', worker: null })),
      ...added.map((id) => ({ id, state: 'ready', worker: null })),
    ])
    assert.deepEqual(other.prepare('SELECT * FROM afterword_worker').all(), [])
  })

  test('leaves no timer behind when the store never took an outcome, and writes nothing after the end', async (t) => {
    const faults = new Faults()
    const { background, clock, events } = timedBench(t, { store: faults.store, tasks: [noop] })
    await clock.run(background.start())
    const full = new AfterwordError('STORE_FULL', { file: 'x' })
    await clock.run(background.add(noop))
    for (let i = 0; i < 50; i++) faults.refuse('write', full)
    await clock.run(background.stop({ grace: '1s' }))
    await clock.advance(5_000)
    assert.deepEqual([events.heard.at(-1)?.name, clock.timers], ['stopped', 0])
  })

  test('starts nothing that waits for a place, and hands it back unspent', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until, events } = bench(t, { store, tasks: [waits, noop], concurrency: 1 })
    const first = await background.add(waits)
    await until('attempt:start', first.id)
    const { id } = await background.add(noop)
    const stopping = background.stop({ grace: '1h' })
    for (let i = 0; i < 5; i++) await turn()
    open.open()
    assert.deepEqual(await stopping, { ...NOTHING, finished: 1, handedBack: [id] })
    assert.equal(events.all('attempt:start', id).length, 0)
    assert.deepEqual(await afterwards(t, store, id), { state: 'ready', attempt: 0, handBacks: 0, crashes: 0 })
  })

  test('lets a response in flight pass its gate: what it adds is stored for whoever is free', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, events } = bench(t, { store, tasks: [noop] })
    await background.start()
    const scope = background.attach(undefined)
    const early = scope.tasks.add(noop)
    const stopping = background.stop({ grace: '1h' })
    await turn()
    const late = scope.tasks.add(noop)
    await scope.settle(200)
    await Promise.all([early.committed, late.committed])
    scope.close()
    assert.deepEqual(await stopping, NOTHING)
    assert.equal(events.all('attempt:start').length, 0)
    assert.deepEqual(await afterwards(t, store, early.id), { state: 'ready', attempt: 0, handBacks: 0, crashes: 0 })
    assert.equal((await afterwards(t, store, late.id)).state, 'waiting')
  })

  test('hands back what a response holds that was answered before and is not out yet', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background } = bench(t, { store, tasks: [noop] })
    await background.start()
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(noop)
    await scope.settle(200)
    assert.deepEqual(await background.stop({ grace: 0 }), { ...NOTHING, handedBack: [id] })
    scope.close()
    assert.deepEqual(await afterwards(t, store, id), { state: 'ready', attempt: 0, handBacks: 1, crashes: 0 })
  })

  test('runs what a response holds that is out within the grace', async (t) => {
    const { background, until } = bench(t, { tasks: [noop] })
    await background.start()
    const scope = background.attach(undefined)
    const { id } = scope.tasks.add(noop)
    await scope.settle(200)
    const stopping = background.stop({ grace: '1h' })
    await turn()
    scope.close()
    await stopping
    assert.ok(await until('stopped'))
    assert.ok(id)
  })

  test('keeps, as after a success, what a response gathered that is not answered within the grace', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background } = bench(t, { store, tasks: [noop] })
    await background.start()
    const scope = background.attach(undefined)
    const { id, committed } = scope.tasks.add(noop)
    await background.stop({ grace: 0 })
    await committed
    assert.equal((await afterwards(t, store, id)).state, 'ready')
  })

  test('never lets a later answer claim what it could not keep', async (t) => {
    const { background } = bench(t, { tasks: [noop] })
    const scope = background.attach(undefined)
    const { committed } = scope.tasks.add(noop)
    await background.stop({ grace: 0 })
    await assert.rejects(committed, { code: 'BACKGROUND_STOPPED' })
    await assert.rejects(scope.settle(200)!, { code: 'BACKGROUND_STOPPED' })
  })

  test('stores an add that is under way', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background } = bench(t, { store, tasks: [noop] })
    const adding = background.add(noop)
    const stopping = background.stop({ grace: 0 })
    const { id } = await adding
    await stopping
    assert.equal(['ready', 'succeeded'].includes((await afterwards(t, store, id)).state), true)
  })

  test('twice is once: both get the same account', async (t) => {
    const { background, events } = bench(t, { tasks: [noop] })
    await background.start()
    const [first, second] = [background.stop(), background.stop()]
    assert.equal(await first, await second)
    assert.equal(await background.stop(), await first)
    assert.equal(events.all('stopped').length, 1)
  })

  test('called again with a grace of 0 cuts the waiting short, without loss', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const { background, until } = bench(t, { store, tasks: [heeds] })
    const { id } = await background.add(heeds)
    await until('attempt:start', id)
    const stopping = background.stop({ grace: '1h' })
    await background.stop({ grace: 0 })
    assert.deepEqual((await stopping).handedBack, [id])
    assert.deepEqual(await afterwards(t, store, id), { state: 'ready', attempt: 0, handBacks: 1, crashes: 0 })
  })

  test('called again with a grace of 0 waits for no open response and no deferred function', async (t) => {
    const { background } = bench(t, { tasks: [noop] })
    await background.start()
    const open = background.attach(undefined)
    assert.ok(open.tasks)
    const deferring = background.attach(undefined)
    deferring.tasks.defer(() => new Promise(() => undefined))
    void deferring.settle(200)
    deferring.close()
    const stopping = background.stop({ grace: '1h' })
    await background.stop({ grace: 0 })
    assert.equal((await stopping).deferred, 1)
  })

  test('called again with a longer grace changes nothing', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [heeds] })
    await clock.run(background.add(heeds))
    await clock.settle()
    const begunMs = clock.monotonicMs()
    const stopping = background.stop({ grace: '1s' })
    await clock.run(Promise.all([stopping, background.stop({ grace: '1h' })]))
    assert.equal(clock.monotonicMs() - begunMs < 3_000, true)
  })

  test('takes the grace of the background where the call names none', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [heeds], grace: '20s' })
    await clock.run(background.add(heeds))
    await clock.settle()
    const begunMs = clock.monotonicMs()
    await clock.run(background.stop())
    assert.equal(clock.monotonicMs() - begunMs, 20_000)
  })

  test('takes one grace for everything: responses, attempts and deferred functions', async (t) => {
    const { background, clock } = timedBench(t, { tasks: [ignores] })
    await clock.run(background.add(ignores))
    const open = background.attach(undefined)
    assert.ok(open.tasks)
    const deferring = background.attach(undefined)
    deferring.tasks.defer(() => new Promise(() => undefined))
    void deferring.settle(200)
    deferring.close()
    const begunMs = clock.monotonicMs()
    await clock.run(background.stop({ grace: '5s' }))
    assert.equal(clock.monotonicMs() - begunMs <= 5_500, true)
  })

  test('refuses a grace that is none', async (t) => {
    const { background } = bench(t)
    await assert.rejects(background.stop({ grace: 'soon' as never }), { code: 'DURATION_INVALID' })
  })

  test('leaves nothing behind: no worker, no presence, no log', async (t) => {
    const file = databaseFile(t)
    const { background } = bench(t, { store: `sqlite:${file}`, tasks: [noop] })
    await background.result((await background.add(noop)).id)
    await background.stop()
    assert.deepEqual(readdirSync(dirname(file)), ['tasks.db'])
    const after = bench(t, { store: `sqlite:${file}`, works: false, tasks: [noop] })
    assert.equal((await after.background.workers()).length, 1)
  })

  test('writes one line that accounts for what was left', async (t) => {
    const lines: [level: string, message: string][] = []
    const at = (level: string) => (_: object, message: string) => void lines.push([level, message])
    const logger: Logger = { ...SILENT, info: at('info'), warn: at('warn') }
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until } = bench(t, { tasks: [waits, heeds, ignores], logger })
    const added = await Promise.all([background.add(waits), background.add(heeds), background.add(ignores)])
    for (const { id } of added) await until('attempt:start', id)
    const scope = background.attach(undefined)
    scope.tasks.defer(() => new Promise(() => undefined))
    void scope.settle(200)
    scope.close()
    const stopping = background.stop({ grace: '1h' })
    open.open()
    await until('attempt:end', added[0].id)
    await background.stop({ grace: 0 })
    await stopping
    assert.deepEqual(
      lines.filter(([, message]) => message.startsWith('afterword stopped')),
      [
        [
          'warn',
          `afterword stopped: 1 finished, 2 handed back, 1 abandoned (ignores ${added[2].id}), 1 deferred functions lost`,
        ],
      ],
    )
  })

  test('of a background that leaves nothing writes its line for information', async (t) => {
    const lines: string[] = []
    const { background } = bench(t, { logger: { ...SILENT, info: (_, message) => void lines.push(message) } })
    await background.start()
    await background.stop()
    assert.deepEqual(lines.slice(-1), ['afterword stopped: 0 finished, 0 handed back, 0 abandoned'])
  })

  test('is what `await using` does at the end of its block', async (t) => {
    const { background, events } = bench(t)
    {
      await using using = await background.start()
      assert.equal(using, background)
    }
    assert.equal(events.all('stopped').length, 1)
  })
})

describe('while a background drains', () => {
  test('it says so, from the first moment of the shutdown', async (t) => {
    const { background } = bench(t)
    await background.start()
    assert.equal(background.draining, false)
    const stopping = background.stop()
    assert.equal(background.draining, true)
    await stopping
  })

  test('what is added is stored for whoever is free', async (t) => {
    const { background, row } = bench(t, { tasks: [noop] })
    await background.start()
    background.drain()
    const { id } = await background.add(noop)
    assert.equal((await row(id)).state, 'ready')
  })

  test('requests in flight may still look at their tasks', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until, row } = bench(t, { tasks: [waits] })
    const { id } = await background.add(waits)
    await until('attempt:start', id)
    const stopping = background.stop({ grace: '1h' })
    assert.equal((await row(id)).state, 'running')
    assert.equal((await background.explain(id)).reason, 'running')
    open.open()
    await stopping
  })

  test('a retry that becomes due is left to others, who know of it without a poll', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const open = gate()
    let runs = 0
    const flaky = defineTask({
      name: 'flaky',
      retry: { attempts: 3, base: 50, cap: 50 },
      run: async () => {
        if (++runs > 1) return
        await open.opened
        throw new Error('no')
      },
    })
    const stops = bench(t, { store, tasks: [flaky], poll: '1h' })
    const { id } = await stops.background.add(flaky)
    await stops.until('attempt:start', id)
    const stays = bench(t, { store, tasks: [flaky], poll: '1h' })
    await stays.background.start()
    const stopping = stops.background.stop({ grace: '1h' })
    open.open()
    await stopping
    assert.equal((await stays.until('attempt:end', id)).state, 'succeeded')
  })
})

describe('what a stop hands back', () => {
  test('is run at once by another background that sits on its poll', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const calls: string[] = []
    const run =
      (name: string) =>
      (_: undefined, { signal }: TaskContext) => {
        calls.push(name)
        return name === 'stops' ? untilAborted(signal) : undefined
      }
    const stops = bench(t, { store, tasks: [defineTask({ name: 'moves', run: run('stops') })], poll: '1h' })
    const stays = bench(t, { store, tasks: [defineTask({ name: 'moves', run: run('stays') }), noop], poll: '1h' })
    const moves = defineTask({ name: 'moves', run: run('adds') })
    await stops.background.start()
    const adds = bench(t, { store, tasks: [moves, noop], works: false, poll: '1h' })
    const { id } = await adds.background.add(moves)
    await stops.until('attempt:start', id)
    await stays.background.start()
    // What was told at its start has been heard when this one has run.
    await stays.until('attempt:end', (await adds.background.add(noop)).id)
    await stops.background.stop({ grace: 0 })
    await stays.until('attempt:end', id)
    assert.deepEqual(calls, ['stops', 'stays'])
  })
})

describe('what the store does not take back', () => {
  const waits = { poll: '1h', beat: '1m', lease: '10m' } as const

  /** One that stops on a store with faults, and one that stays, on the same file. */
  async function two(t: Parameters<typeof bench>[0], tasks: [stops: AnyTaskDefinition[], stays: AnyTaskDefinition[]]) {
    const file = databaseFile(t)
    const faults = new Faults(new SqliteStore(file, { clock: systemClock, chance: systemChance }))
    const presence = () => new SqlitePresence({ file, clock: systemClock })
    const stops = bench(t, { store: faults.store, tasks: tasks[0], concurrency: 1, ...waits }, { presence })
    await stops.background.start()
    const stays = bench(t, { store: `sqlite:${file}`, tasks: tasks[1], ...waits })
    return { faults, stops, stays }
  }

  test('is rescued by others at once, and the account names it', async (t) => {
    const { faults, stops, stays } = await two(t, [
      [ignores, noop],
      [defineTask({ name: 'ignores', run: noop.run }), noop],
    ])
    const running = await stops.background.add(ignores)
    await stops.until('attempt:start', running.id)
    const waiting = await stops.background.add(noop)
    await stays.background.start()
    faults.refuse('handBack', new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 }))
    const { handedBack, abandoned, leftToRescue } = await stops.background.stop({ grace: 0 })
    assert.deepEqual(
      [handedBack, abandoned.map(({ id }) => id), leftToRescue],
      [[], [running.id], [waiting.id, running.id]],
    )
    for (const { id } of [running, waiting]) assert.equal(await stays.background.result(id), 'done')
    assert.deepEqual([(await stays.row(running.id)).crashes, (await stays.row(waiting.id)).crashes], [1, 0])
  })

  test('is what it was just asked to take back, too, as long as it has not answered', async (t) => {
    const faults = new Faults()
    const { background, until } = bench(t, { store: faults.store, tasks: [heeds, noop], concurrency: 1 })
    const running = await background.add(heeds)
    await until('attempt:start', running.id)
    const waiting = await background.add(noop)
    const asked = faults.hold('handBack')
    const pausing = background.pause('default')
    await asked.reached
    faults.refuse('handBack', new AfterwordError('STORE_FULL', { file: 'x' }))
    const { leftToRescue } = await background.stop({ grace: 0 })
    assert.deepEqual([...leftToRescue].sort(), [running.id, waiting.id].sort())
    asked.letGo()
    await assert.rejects(pausing, { code: 'STORE_CLOSED' })
  })

  test('is what has ended, too, where its outcome was refused to the end', async (t) => {
    const { faults, stops, stays } = await two(t, [[noop], [noop]])
    const full = new AfterwordError('STORE_FULL', { file: 'x' })
    const { id } = await stops.background.add(noop)
    for (let i = 0; i < 20; i++) faults.refuse('write', full)
    faults.refuse('handBack', full)
    assert.deepEqual((await stops.background.stop({ grace: 0 })).leftToRescue, [id])
    await stays.background.start()
    assert.equal(await stays.background.result(id), 'done')
  })

  test('may be the worker alone: it is taken for dead, so that no trace of it stays', async (t) => {
    const { faults, stops, stays } = await two(t, [[noop], [noop]])
    await stays.background.start()
    faults.refuse('retire', new AfterwordError('STORE_BUSY', { file: 'x', waitedMs: 1 }))
    assert.deepEqual(await stops.background.stop({ grace: 0 }), NOTHING)
    const { worker } = stops.events.all('worker:registered')[0]!
    assert.deepEqual(await stays.until('worker:rescued'), { worker, requeued: [], quarantined: [] })
    assert.equal((await stays.background.workers()).length, 1)
  })
})

describe('start', () => {
  test('gives the background itself', async (t) => {
    const { background } = bench(t)
    assert.equal(await background.start(), background)
  })

  test('twice registers once', async (t) => {
    const { background, events } = bench(t)
    await Promise.all([background.start(), background.start()])
    await background.start()
    assert.equal(events.all('worker:registered').length, 1)
  })

  test('is not needed for a stop: there is nothing to account for', async (t) => {
    const { background } = bench(t, { tasks: [noop] })
    assert.deepEqual(await background.stop(), NOTHING)
  })

  test('after a stop is refused', async (t) => {
    const { background } = bench(t)
    await background.stop()
    await assert.rejects(background.start(), { code: 'BACKGROUND_STOPPED' })
  })

  test('that is under way is waited for by a stop', async (t) => {
    const file = databaseFile(t)
    const { background, events } = bench(t, { store: `sqlite:${file}` })
    const starting = background.start()
    assert.deepEqual(await background.stop(), NOTHING)
    await starting
    assert.equal(events.all('worker:registered').length, 1)
    assert.equal(existsSync(`${file}.d`), false)
  })

  test('that fails says why with a code, and may be tried again', async (t) => {
    const file = databaseFile(t)
    writeFileSync(file, 'this is no database, this is a letter to a friend')
    const { background } = bench(t, { store: `sqlite:${file}`, tasks: [noop] })
    await assert.rejects(background.start(), { code: 'STORE_CORRUPT' })
    rmSync(file)
    await background.start()
    assert.equal(await background.result((await background.add(noop)).id), 'done')
  })

  test('that failed leaves nothing for a stop to do', async (t) => {
    const { background } = bench(t, { store: `sqlite:${folder(t)}` })
    await assert.rejects(background.start(), (error: AfterwordError) => error.code.startsWith('STORE_'))
    assert.deepEqual(await background.stop(), NOTHING)
  })

  test('finds what was left by those before it, and runs it', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const before = bench(t, { store, tasks: [noop], works: false })
    const added = await Promise.all([before.background.add(noop), before.background.add(noop)])
    await before.background.stop()
    const { background, until } = bench(t, { store, tasks: [noop] })
    await background.start()
    for (const { id } of added) await until('attempt:end', id)
  })
})

describe('a background that has stopped', () => {
  test('answers no more questions', async (t) => {
    const { background } = bench(t)
    await background.start()
    await background.stop()
    for (const ask of [
      () => background.get('x'),
      () => background.counts(),
      () => background.cancel('x'),
      () => background.explain('x'),
    ]) {
      await assert.rejects(ask(), { code: 'STORE_CLOSED' })
    }
  })
})
