/** Somebody deletes or replaces a file of a database that is in use: nothing is acknowledged into files without a name. */
import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { AfterwordError } from '../../../src/model/errors.ts'
import { databaseFile } from '../../support/bench.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { add, openStoreOn, task, write } from './open.ts'

const OUTSIDERS: Readonly<Record<string, (path: string) => void>> = {
  deletes: (path) => rmSync(path),
  'moves away': (path) => renameSync(path, `${path}-away`),
  'puts a copy in the place of': (path) => {
    copyFileSync(path, `${path}-copy`)
    renameSync(`${path}-copy`, path)
  },
}

describe('a store whose outsider', () => {
  for (const [does, change] of Object.entries(OUTSIDERS)) {
    for (const suffix of ['', '-wal', '-shm']) {
      test(`${does} ${suffix === '' ? 'the database' : `the ${suffix}`} stops and names the file`, async (t) => {
        const file = databaseFile(t)
        const clock = new FakeClock()
        const failures: AfterwordError[] = []
        const store = await openStoreOn(t, file, { clock, onFailure: (error) => failures.push(error) })
        await add(store, task())
        // A copy that is made by opening and closing the file would drop SQLite's locks; here nobody else has it open.
        change(`${file}${suffix}`)
        clock.freeze(100)
        const replaced = { code: 'STORE_REPLACED', details: { file, changed: `${file}${suffix}` } } as const
        await assert.rejects(add(store, task()), replaced)
        await assert.rejects(store.beat(1), replaced)
        await assert.rejects(store.find('a'), replaced)
        assert.deepEqual(
          failures.map(({ code }) => code),
          ['STORE_REPLACED'],
        )
      })
    }
  }

  for (const does of ['deletes', 'puts a copy in the place of']) {
    test(`${does} the -wal stops with the very next write`, async (t) => {
      const file = databaseFile(t)
      const store = await openStoreOn(t, file, { clock: new FakeClock() })
      await add(store, task())
      OUTSIDERS[does]!(`${file}-wal`)
      await assert.rejects(write(store, { adds: [task()] }), { code: 'STORE_REPLACED' })
    })
  }

  test('does nothing goes on, also when others on the same file come and go', async (t) => {
    const file = databaseFile(t)
    const clock = new FakeClock()
    const store = await openStoreOn(t, file, { clock })
    for (let round = 0; round < 3; round++) {
      const other = await openStoreOn(t, file)
      await add(other, task())
      await other.close()
      clock.freeze(1_000)
      await add(store, task())
    }
    assert.equal((await write(store, {})).live, 6)
  })
})

describe('what was acknowledged before a file was deleted', () => {
  test('is in the database after the store has closed, for SQLite holds the log by its descriptor', async (t) => {
    const file = databaseFile(t)
    const store = await openStoreOn(t, file)
    const first = task()
    await add(store, first)
    rmSync(`${file}-wal`)
    await assert.rejects(add(store, task()), { code: 'STORE_REPLACED' })
    await store.close()
    const after = await openStoreOn(t, file)
    assert.equal((await after.find(first.id))?.state, 'ready')
    assert.equal((await write(after, {})).live, 1)
  })
})
