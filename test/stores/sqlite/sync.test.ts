/** What an acknowledged group rests on: the sync of the log, and what happens when the disk refuses it. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '../../../src/ports/system.ts'
import { succeed } from '../../../src/stores/conformance/fixtures.ts'
import { databaseFile, folder } from '../../support/bench.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { Child, faultInjector, NO_COMPILER } from './child.ts'
import { add, openStoreOn, register, task, write } from './open.ts'

interface Told {
  readonly before: string
  readonly together: readonly string[]
  readonly after: readonly string[]
  readonly question: string
  readonly failures: readonly string[]
}

const MODES = ['inline', 'async'] as const

describe('a sync of the log that fails', () => {
  for (const mode of MODES) {
    test(`stops the store: no group behind it is acknowledged, though the next sync would succeed (${mode})`, async (t) => {
      const library = faultInjector(t)
      if (library === undefined) return t.skip(NO_COMPILER)
      const env = { LD_PRELOAD: library, FAULT_SYNC: join(folder(t), 'fail-next-sync') }
      const child = new Child<Told>(t, 'faulty-sync.ts', [databaseFile(t), mode], { env })
      assert.deepEqual(await child.next(), {
        before: 'durable',
        together: ['STORE_FAILED', 'STORE_FAILED'],
        after: ['STORE_FAILED', 'STORE_FAILED'],
        question: 'STORE_FAILED',
        failures: ['STORE_FAILED'],
      })
      assert.equal(existsSync(env.FAULT_SYNC), false)
    })
  }
})

describe('the log', () => {
  test('is synced for adds that are to survive a power cut, not for others, and once more at the end', async (t) => {
    const library = faultInjector(t)
    if (library === undefined) return t.skip(NO_COMPILER)
    const log = join(folder(t), 'syncs')
    const child = new Child<readonly number[]>(t, 'counts-syncs.ts', [databaseFile(t), log], {
      env: { LD_PRELOAD: library, FAULT_SYNC_LOG: log },
    })
    const [process, power, outcome, close] = await child.next()
    assert.deepEqual({ process, power, outcome, close }, { process: 0, power: 1, outcome: 0, close: 1 })
  })

  test('is gone after the last store on the file has closed, and only then', async (t) => {
    const file = databaseFile(t)
    const [one, two] = [await openStoreOn(t, file), await openStoreOn(t, file)]
    await add(one, task())
    assert.ok(statSync(`${file}-wal`).size > 0)
    await one.close()
    assert.ok(existsSync(`${file}-wal`))
    await add(two, task())
    await two.close()
    assert.equal(existsSync(`${file}-wal`), false)
    assert.equal(existsSync(`${file}-shm`), false)
    assert.equal(readFileSync(file).subarray(0, 15).toString(), 'SQLite format 3')
  })

  test('is left by a process that was killed, and the next one finds all that was acknowledged', async (t) => {
    const file = databaseFile(t)
    const child = new Child<string>(t, 'writer.ts', [file, 'solo'])
    assert.equal(await child.next(), 'ready')
    child.tell('go')
    for (let written = 0; written < 50; written++) await child.next()
    await child.kill()
    assert.ok(existsSync(`${file}-wal`))
    const store = await openStoreOn(t, file)
    assert.ok((await write(store, {})).live >= 50)
  })
})

describe('how groups are synced', () => {
  test('is measured at open: inline on a disk that syncs at once, off the loop on one that takes its time', async (t) => {
    const clock = new FakeClock()
    const fast = await openStoreOn(t, databaseFile(t), { clock, sync: 'auto' })
    assert.equal(fast.syncMode, 'inline')

    // A clock on which every look costs a millisecond: each sync seems to take one.
    let nowMs = 0
    const slow = await openStoreOn(t, databaseFile(t), {
      clock: { ...systemClock, monotonicMs: () => nowMs++ },
      sync: 'auto',
    })
    assert.equal(slow.syncMode, 'async')
  })

  test('is what the application says when it says so, and nothing in memory', async (t) => {
    for (const sync of MODES) assert.equal((await openStoreOn(t, databaseFile(t), { sync })).syncMode, sync)
    assert.equal((await openStoreOn(t, undefined)).syncMode, undefined)
  })

  test('inline: what a write promises is kept when it returns', async (t) => {
    const store = await openStoreOn(t, databaseFile(t), { sync: 'inline' })
    const { durable } = await write(store, { adds: [task()], durability: 'power' })
    assert.equal(durable, undefined)
  })

  test('async: groups that are written while a sync is under way share the next one', async (t) => {
    const store = await openStoreOn(t, databaseFile(t), { sync: 'async' })
    const promises: (Promise<void> | undefined)[] = []
    for (let i = 0; i < 4; i++) {
      promises.push((await write(store, { adds: [task()], durability: 'power' })).durable)
    }
    assert.ok(promises.every((promise) => promise !== undefined))
    assert.equal(new Set(promises).size, 2)
    await Promise.all(promises)
  })

  test('a close waits for the syncs under way and for the groups behind them', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file, { sync: 'async' })
    const written = [
      await write(store, { adds: [task()], durability: 'power' }),
      await write(store, { adds: [task()], durability: 'power' }),
    ]
    let durable = 0
    for (const group of written) void group.durable?.then(() => durable++)
    await store.close()
    assert.equal(durable, 2)
  })

  test('outcomes alone wait for no sync', async (t) => {
    const store = await openStoreOn(t, databaseFile(t), { sync: 'async' })
    const worker = await register(store)
    const adds = [task({ claimFor: worker })]
    await write(store, { worker, adds })
    const { durable, recorded } = await write(store, { worker, outcomes: [succeed({ id: adds[0]!.id, claims: 1 })] })
    assert.deepEqual({ durable, recorded }, { durable: undefined, recorded: [true] })
  })
})

describe('a store that is left open', () => {
  for (const mode of MODES) {
    test(`does not keep its process alive (${mode})`, async (t) => {
      const child = new Child<number>(t, 'idle.ts', [databaseFile(t), mode])
      assert.equal(await child.next(), 1)
      assert.deepEqual(await child.exited, { code: 0, signal: null })
    })
  }
})
