/** Tasks of one response run one after another, in the order added. Those that survive a crash are in processes.test.ts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BackgroundTasks } from '../../src/background-tasks.ts'
import type { Background } from '../../src/background.ts'
import { defineTask } from '../../src/define-task.ts'
import { retryAfter } from '../../src/model/thrown-outcome.ts'
import type { Store } from '../../src/ports/store.ts'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { bench, databaseFile, fixedChance, gate, timedBench } from '../support/bench.ts'
import { turn } from '../support/fake-clock.ts'
import { Faults } from '../support/faulty-store.ts'

const steps: string[] = []
const step = defineTask({
  name: 'step',
  run: async (name: string) => {
    steps.push(`${name} starts`)
    await Promise.resolve()
    steps.push(`${name} ends`)
  },
})

/** Adds to one response what `add` adds, and sends its answer. */
async function respond<T>(
  background: Background,
  add: (tasks: BackgroundTasks) => T | Promise<T>,
  status = 200,
): Promise<T> {
  const scope = background.attach(undefined)
  const added = await add(scope.tasks)
  await scope.settle(status)
  scope.close()
  return added
}

/** The same store, which notes how many adds and outcomes each of its transactions had. */
function counting(store: Store, written: number[]): Store {
  const write: Store['write'] = (batch, now) => {
    written.push(batch.adds.length + batch.outcomes.length)
    return store.write(batch, now)
  }
  return new Proxy(store, {
    get: (target, verb) => {
      const value: unknown = verb === 'write' ? write : Reflect.get(target, verb, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** The tasks that were started, by the input that names them. */
function order(events: ReturnType<typeof bench>['events'], ids: readonly string[]): number[] {
  return events.all('attempt:start').map(({ attempt }) => ids.indexOf(attempt.id))
}

describe('the tasks of one response', () => {
  test('run one after another in the order added, whatever their priorities', async (t) => {
    steps.length = 0
    const { background, until } = bench(t, { tasks: [step] })
    const last = await respond(background, (tasks) => {
      tasks.add(step, 'a')
      tasks.add(step, 'b', { priority: 5 })
      return tasks.add(step, 'c', { priority: 9 })
    })
    await until('attempt:end', last.id)
    assert.deepEqual(steps, ['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends'])
  })

  test('wait for those before them also behind an id that was there already, and after a commit of its own', async (t) => {
    const { background, row, until } = bench(t, { tasks: [step] })
    await background.add(step, 'own', { id: 'own' })
    await until('attempt:end', 'own')
    await background.pause('default')
    const [b, c] = await respond(background, async (tasks) => {
      tasks.add(step, 'a')
      tasks.add(step, 'own', { id: 'own' })
      const b = tasks.add(step, 'b')
      tasks.add(step, 'own', { id: 'own' })
      tasks.add(step, 'own', { id: 'own' })
      await tasks.commit()
      return [b, tasks.add(step, 'c')] as const
    })
    assert.deepEqual([(await row(b.id)).state, (await row(c.id)).state], ['waiting', 'waiting'])
    assert.match((await background.explain(c.id)).text, /waits behind 2 earlier task/)
  })

  test('wait for those before them also behind an id that was there already, while its answer is on its way', async (t) => {
    const faults = new Faults()
    const { background, row, until } = bench(t, { store: faults.store, tasks: [step] })
    await background.add(step, 'own', { id: 'own' })
    await until('attempt:end', 'own')
    await background.pause('default')
    const disk = gate()
    const b = await respond(background, async (tasks) => {
      const a = tasks.add(step, 'a')
      tasks.add(step, 'own', { id: 'own' })
      // Written and not yet durable: nobody has been answered.
      faults.alter('write', (written) => ({ ...written, durable: disk.opened }))
      const first = tasks.commit()
      while ((await background.get(a.id)) === undefined) await turn()
      const added = tasks.add(step, 'b')
      const second = tasks.commit()
      disk.open()
      await Promise.all([first, second])
      return added
    })
    assert.equal((await row(b.id)).state, 'waiting')
  })

  test('wait for those before them when one in between could not be stored', async (t) => {
    const faults = new Faults()
    const { background, row } = bench(t, { store: faults.store, tasks: [step] })
    await background.pause('default')
    const c = await respond(background, async (tasks) => {
      tasks.add(step, 'a')
      await tasks.commit()
      faults.refuse('write', new Error('no'))
      tasks.add(step, 'b')
      await assert.rejects(tasks.commit())
      return tasks.add(step, 'c')
    })
    assert.equal((await row(c.id)).state, 'waiting')
  })

  test('wait in the store for those before them', async (t) => {
    const { background, row } = bench(t, { tasks: [step], works: false })
    const [a, b, c] = await respond(
      background,
      (tasks) => [tasks.add(step, 'a'), tasks.add(step, 'b'), tasks.add(step, 'c')] as const,
    )
    assert.deepEqual(
      [(await row(a.id)).state, (await row(b.id)).state, (await row(c.id)).state],
      ['ready', 'waiting', 'waiting'],
    )
  })

  test('cost one transaction for each step: the end of one claims the next', async (t) => {
    const store = new SqliteStore(undefined, { clock: systemClock, chance: systemChance })
    const written: number[] = []
    const { background, until } = bench(t, { tasks: [step], store: counting(store, written) })
    await background.start()
    const last = await respond(background, (tasks) => ['a', 'b', 'c', 'd'].map((name) => tasks.add(step, name)).at(-1)!)
    await until('attempt:end', last.id)
    const withSteps = written.filter((entries) => entries > 0)
    assert.deepEqual(withSteps, [4, 1, 1, 1, 1], 'adds and outcomes of each transaction')
    assert.equal(written.length - withSteps.length <= 1, true, 'besides the claim at the start')
  })

  test('of different queues and names run in that order too', async (t) => {
    const other = defineTask({ name: 'other', queue: 'other', run: () => undefined })
    const { background, events, until } = bench(t, { tasks: [step, other] })
    const ids = await respond(background, (tasks) => [
      tasks.add(step, 'a').id,
      tasks.add(other).id,
      tasks.add(step, 'c').id,
    ])
    await until('attempt:end', ids[2])
    assert.deepEqual(order(events, ids), [0, 1, 2])
  })

  test('that go to a queue which is not served here are left to those who serve it', async (t) => {
    const { background, until, row } = bench(t, { tasks: [step] })
    const [first, second] = await respond(
      background,
      (tasks) => [tasks.add(step, 'a').id, tasks.add(step, 'b', { queue: 'elsewhere' }).id] as const,
    )
    await until('attempt:end', first)
    await background.result((await background.add(step, 'c')).id)
    assert.equal((await row(second)).state, 'ready')
  })

  test('of different responses do not wait for each other', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until } = bench(t, { tasks: [waits, step] })
    const first = await respond(background, (tasks) => tasks.add(waits))
    await until('attempt:start', first.id)
    const second = await respond(background, (tasks) => tasks.add(step, 'b'))
    await until('attempt:end', second.id)
    open.open()
  })

  test('go on when one fails: it is retried by itself', async (t) => {
    const failing = defineTask({
      name: 'failing',
      retry: { attempts: 2, base: '1m', cap: '1m' },
      run: () => Promise.reject(new Error('no')),
    })
    const { background, clock, events } = timedBench(t, { tasks: [failing, step] }, { chance: fixedChance(0.5) })
    const ids = await clock.run(
      respond(background, (tasks) => [tasks.add(failing).id, tasks.add(step, 'b').id, tasks.add(step, 'c').id]),
    )
    await clock.advance(100)
    assert.deepEqual(order(events, ids), [0, 1, 2])
    await clock.advance(120_000)
    assert.deepEqual(order(events, ids), [0, 1, 2, 0])
  })

  test('go on when one in the middle asks to be called later, at no cost', async (t) => {
    let calls = 0
    const later = defineTask({
      name: 'later',
      run: () => {
        if (++calls === 1) throw retryAfter('1h', { costsAttempt: false })
      },
    })
    const { background, clock, events } = timedBench(t, { tasks: [later, step] })
    const ids = await clock.run(
      respond(background, (tasks) => [tasks.add(step, 'a').id, tasks.add(later).id, tasks.add(step, 'c').id]),
    )
    await clock.advance(100)
    assert.deepEqual(order(events, ids), [0, 1, 2])
  })

  test('go on when one fails for good', async (t) => {
    const failing = defineTask({ name: 'failing', retry: { attempts: 1 }, run: () => Promise.reject(new Error('no')) })
    const { background, until } = bench(t, { tasks: [failing, step] })
    const [, b] = await respond(background, (tasks) => [tasks.add(failing), tasks.add(step, 'b')] as const)
    await until('attempt:end', b.id)
  })

  test('do not start before the first attempt of the former has ended', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until, row } = bench(t, { tasks: [waits, step] })
    const [a, b] = await respond(background, (tasks) => [tasks.add(waits).id, tasks.add(step, 'b').id] as const)
    await until('attempt:start', a)
    assert.equal((await row(b)).state, 'waiting')
    open.open()
    await until('attempt:end', b)
  })

  test('that are parallel neither wait nor are waited for', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until, row } = bench(t, { tasks: [waits, step] })
    const [a, b, c, d] = await respond(
      background,
      (tasks) =>
        [
          tasks.add(waits, undefined, { parallel: true }).id,
          tasks.add(step, 'b').id,
          tasks.add(waits).id,
          tasks.add(step, 'd', { parallel: true }).id,
        ] as const,
    )
    await until('attempt:end', b)
    await until('attempt:end', d)
    await until('attempt:start', c)
    assert.equal((await row(a)).state, 'running')
    open.open()
  })

  test('that have a delay stand outside of the order', async (t) => {
    const { background, clock, events, row } = timedBench(t, { tasks: [step] })
    const ids = await clock.run(
      respond(background, (tasks) => [
        tasks.add(step, 'a').id,
        tasks.add(step, 'b', { delay: '1h' }).id,
        tasks.add(step, 'c').id,
      ]),
    )
    await clock.advance(100)
    assert.deepEqual(order(events, ids), [0, 2])
    assert.equal((await row(ids[1]!)).state, 'scheduled')
  })

  test('that are dropped leave no gap', async (t) => {
    const { background, until } = bench(t, { tasks: [step] })
    const kept = await respond(
      background,
      (tasks) => {
        tasks.add(step, 'a')
        tasks.add(step, 'b', { on: 'always' })
        tasks.add(step, 'c')
        return tasks.add(step, 'd', { on: 'error' })
      },
      500,
    )
    await until('attempt:end', kept.id)
  })

  test('that were added when the head was out join at the end', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, until, row } = bench(t, { tasks: [waits, step] })
    const scope = background.attach(undefined)
    const first = scope.tasks.add(waits)
    await scope.settle(200)
    const late = scope.tasks.add(step, 'late')
    await late.committed
    scope.close()
    const later = scope.tasks.add(step, 'later')
    await later.committed
    assert.deepEqual([(await row(late.id)).state, (await row(later.id)).state], ['waiting', 'waiting'])
    await until('attempt:start', first.id)
    open.open()
    await until('attempt:end', later.id)
  })

  test('run at once when they join after the others have ended', async (t) => {
    const { background, until } = bench(t, { tasks: [step] })
    const scope = background.attach(undefined)
    const first = scope.tasks.add(step, 'a')
    await scope.settle(200)
    scope.close()
    await until('attempt:end', first.id)
    const late = scope.tasks.add(step, 'late')
    await until('attempt:end', late.id)
  })

  test('go on when one in the middle is cancelled', async (t) => {
    const open = gate()
    const waits = defineTask({ name: 'waits', run: () => open.opened })
    const { background, events, until } = bench(t, { tasks: [waits, step] })
    const ids = await respond(background, (tasks) => [
      tasks.add(waits).id,
      tasks.add(step, 'b').id,
      tasks.add(step, 'c').id,
    ])
    await until('attempt:start', ids[0])
    await background.cancel(ids[1]!)
    open.open()
    await until('attempt:end', ids[2])
    assert.deepEqual(order(events, ids), [0, 2])
  })

  test('keep their order when a stop hands them back', async (t) => {
    const store = `sqlite:${databaseFile(t)}` as const
    const ignores = defineTask({ name: 'first', run: () => new Promise<void>(() => undefined) })
    const one = bench(t, { store, tasks: [ignores, step], grace: 0 })
    const ids = await respond(one.background, (tasks) => [
      tasks.add(ignores).id,
      tasks.add(step, 'b').id,
      tasks.add(step, 'c').id,
    ])
    await one.until('attempt:start', ids[0])
    await one.background.stop()
    const first = defineTask({ name: 'first', run: () => undefined })
    const two = bench(t, { store, tasks: [first, step] })
    await two.background.start()
    await two.until('attempt:end', ids[2])
    assert.deepEqual(order(two.events, ids), [0, 1, 2])
  })

  test('three hundred of them run in order', async (t) => {
    const ran: number[] = []
    const count = defineTask({ name: 'count', run: (n: number) => void ran.push(n) })
    const { background, until } = bench(t, { tasks: [count] })
    const last = await respond(background, (tasks) => {
      for (let n = 0; n < 299; n++) tasks.add(count, n)
      return tasks.add(count, 299)
    })
    await until('attempt:end', last.id)
    assert.deepEqual(
      ran,
      Array.from({ length: 300 }, (_, n) => n),
    )
  })
})
