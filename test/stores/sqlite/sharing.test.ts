/** Several processes on one file: nobody loses anything, nobody starves, and waiting for another blocks no event loop. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { fail, succeed } from '../../../src/stores/conformance/fixtures.ts'
import { ask } from '../../../src/stores/conformance/world.ts'
import type { SqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'
import { databaseFile } from '../../support/bench.ts'
import { FakeClock, turn } from '../../support/fake-clock.ts'
import { Child } from './child.ts'
import { add, openStoreOn, register, task, write } from './open.ts'

describe('four processes that write to one file', () => {
  test('lose nothing, and none of them starves', async (t) => {
    const file = databaseFile(t)
    const names = ['a', 'b', 'c', 'd']
    const writers = names.map((name) => new Child<string | number>(t, 'writer.ts', [file, name]))
    for (const writer of writers) assert.equal(await writer.next(), 'ready')
    for (const writer of writers) writer.tell('go')
    // From the moment when all are at work until one has written fifteen hundred more: then the others should not be far behind, whatever the system gave each of them meanwhile.
    const hundreds = names.map(() => 0)
    let begun: readonly number[] | undefined
    let stopped = false
    const look = (): void => {
      if (begun === undefined && hundreds.every((count) => count > 0)) begun = [...hundreds]
      if (stopped || begun?.some((from, i) => hundreds[i]! >= from + 15) !== true) return
      stopped = true
      for (const each of writers) each.tell('stop')
    }
    const counts = await Promise.all(
      writers.map((writer, i) =>
        follow(writer, (count) => {
          hundreds[i] = count
          look()
        }),
      ),
    )
    const store = await openStoreOn(t, file)
    const stored = [...(await store.counts())].map(([queue, { ready }]) => [queue, ready])
    assert.deepEqual(Object.fromEntries(stored), Object.fromEntries(names.map((name, i) => [name, counts[i]])))
    assert.equal(
      (await write(store, {})).live,
      counts.reduce((sum, count) => sum + count, 0),
    )
    const together = counts.map((count, i) => count - begun![i]! * 100)
    const [most, least] = [Math.max(...together), Math.min(...together)]
    assert.ok(most < 3 * least, `one wrote ${most} tasks and another ${least}: ${together.join(', ')}`)
  })

  /** Listens to a writer until its last word, which is how many tasks it wrote. */
  async function follow(writer: Child<string | number>, wrote: (hundreds: number) => void): Promise<number> {
    for (let hundreds = 1; ; hundreds++) {
      const word = await writer.next()
      if (typeof word === 'number') return word
      wrote(hundreds)
    }
  }

  test('claim every task once', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    const adds = Array.from({ length: 400 }, () => task())
    await write(store, { adds })
    const claimers = Array.from({ length: 4 }, () => new Child<string[]>(t, 'claimer.ts', [file]))
    const claimed = await Promise.all(claimers.map((claimer) => claimer.next()))
    const all = claimed.flat()
    assert.equal(all.length, 400)
    assert.equal(new Set(all).size, 400)
    assert.deepEqual((await write(store, {})).live, 0)
  })
})

describe('a store whose file another process holds locked', () => {
  async function locked(
    t: TestContext,
    parts: { clock?: FakeClock } = {},
  ): Promise<{ store: SqliteStore; holder: Child<string> }> {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file, parts)
    const holder = new Child<string>(t, 'lock-holder.ts', [file])
    assert.equal(await holder.next(), 'held')
    return { store, holder }
  }

  test('waits, in order, until the other lets go', async (t) => {
    const { store, holder } = await locked(t)
    const first = task()
    const order: string[] = []
    const note = (what: string) => (): void => void order.push(what)
    const writes = [
      write(store, { adds: [first] }).then(note('add')),
      store.cancel(first.id, 0).then(note('cancel')),
      store.pause('mail', true).then(note('pause')),
    ]
    for (let i = 0; i < 20; i++) await turn()
    assert.deepEqual(order, [])
    holder.tell('release')
    await Promise.all(writes)
    assert.deepEqual(order, ['add', 'cancel', 'pause'])
    assert.equal((await store.find(first.id))?.state, 'cancelled')
  })

  test('lets nobody of its own process overtake those who wait', async (t) => {
    const clock = new FakeClock()
    const { store, holder } = await locked(t, { clock })
    const order: string[] = []
    const first = write(store, { adds: [task()] }).then(() => order.push('first'))
    await clock.settle()
    holder.tell('release')
    assert.equal(await holder.next(), 'released')
    // The lock is free, and the first has yet to notice.
    const second = write(store, { adds: [task()] }).then(() => order.push('second'))
    await clock.settle()
    assert.deepEqual(order, [])
    await clock.advance(5)
    await Promise.all([first, second])
    assert.deepEqual(order, ['first', 'second'])
    // Nobody waits any more: the next one is done without a turn of the loop.
    let done = false
    void write(store, {}).then(() => (done = true))
    for (let i = 0; i < 10; i++) await Promise.resolve()
    assert.equal(done, true)
  })

  test('answers questions meanwhile', async (t) => {
    const { store, holder } = await locked(t)
    const writing = write(store, { adds: [task()] })
    assert.equal(await store.find('a'), undefined)
    assert.deepEqual([...(await store.counts())], [])
    holder.tell('release')
    assert.equal((await writing).live, 1)
  })

  test('never blocks the event loop: it turns, and waits by timers', async (t) => {
    const clock = new FakeClock()
    const { store, holder } = await locked(t, { clock })
    let settled = false
    const writing = write(store, { adds: [task()] }).finally(() => (settled = true))
    // The first tries need turns of the loop only; after that nothing runs until a timer does.
    await clock.settle()
    assert.deepEqual([settled, clock.timers], [false, 1])
    for (let tries = 0; tries < 50; tries++) {
      const [aheadMs] = clock.ahead
      assert.ok(aheadMs !== undefined && aheadMs >= 1 && aheadMs < 3, `the next try is ${aheadMs} ms ahead`)
      await clock.advance(aheadMs)
    }
    assert.equal(settled, false)
    holder.tell('release')
    assert.equal(await holder.next(), 'released')
    await clock.advance(3)
    assert.equal((await writing).live, 1)
  })

  test('gives up with a code after ten seconds and not earlier; nothing was written, and the next call waits anew', async (t) => {
    const clock = new FakeClock()
    const { store, holder } = await locked(t, { clock })
    const codes: string[] = []
    const refused = (error: { code: string }): void => void codes.push(error.code)
    const writing = write(store, { adds: [task()] }).catch(refused)
    await clock.settle()
    clock.freeze(9_990)
    await clock.advance(5)
    assert.deepEqual(codes, [])
    const later = write(store, { adds: [task()] })
    await clock.advance(10)
    assert.deepEqual(codes, ['STORE_BUSY'])
    await writing
    holder.tell('release')
    await holder.next()
    await clock.advance(5)
    assert.equal((await later).live, 1)
  })

  test('counts the wait behind others of its own process: all who asked together give up together', async (t) => {
    const clock = new FakeClock()
    const { store } = await locked(t, { clock })
    let refused = 0
    const writes = Array.from({ length: 5 }, () => write(store, { adds: [task()] }).catch(() => refused++))
    await clock.settle()
    clock.freeze(10_001)
    await clock.advance(5)
    assert.equal(refused, 5)
    await Promise.all(writes)
  })

  test('prunes nothing that was requeued while it waited', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    const worker = await register(store)
    const add = task({ claimFor: worker })
    await write(store, { worker, adds: [add], outcomes: [] })
    await write(store, { worker, outcomes: [fail({ id: add.id, claims: 1 })] })
    const holder = new Child<string>(t, 'lock-holder.ts', [file])
    await holder.next()
    const retention = { succeeded: 0, failed: 0, cancelled: 0, quarantined: 0 }
    const work = [store.requeue(add.id), store.prune(retention, 1_000, 100)] as const
    holder.tell('release')
    assert.deepEqual(await Promise.all(work), [true, { removed: 0, done: true }])
    assert.equal((await store.find(add.id))?.state, 'ready')
  })

  test('refuses what still waits when it is closed', async (t) => {
    const { store } = await locked(t)
    const writing = assert.rejects(write(store, { adds: [task()] }), { code: 'STORE_CLOSED' })
    await store.close()
    await writing
  })

  test('can be opened by yet another, and by one that is new to it', async (t) => {
    const file = databaseFile(t)
    await (await openStoreOn(t, file)).close()
    const holder = new Child<string>(t, 'lock-holder.ts', [file])
    await holder.next()
    const opening = openStoreOn(t, file)
    holder.tell('release')
    await add(await opening, task())
  })
})

describe('two stores of one process on one file', () => {
  test('are two workers: each finishes its own, and neither those of the other', async (t) => {
    const file = databaseFile(t)
    const [one, two] = [await openStoreOn(t, file), await openStoreOn(t, file, { sync: 'async' })]
    const [first, second] = [await register(one), await register(two)]
    const [mine, theirs] = [task({ claimFor: first }), task({ claimFor: second })]
    await write(one, { worker: first, adds: [mine] })
    await write(two, { worker: second, adds: [theirs] })
    const outcomes = [succeed({ id: mine.id, claims: 1 }), succeed({ id: theirs.id, claims: 1 })]
    assert.deepEqual((await write(one, { worker: first, outcomes })).recorded, [true, false])
    assert.deepEqual((await write(two, { worker: second, outcomes })).recorded, [false, true])
    assert.deepEqual((await write(two, { worker: second, claim: ask() })).claimed?.tasks, [])
  })
})
