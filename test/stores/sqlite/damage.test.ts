import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import type { AfterwordError } from '../../../src/model/errors.ts'
import { succeed } from '../../../src/stores/conformance/fixtures.ts'
import { ask } from '../../../src/stores/conformance/world.ts'
import { databaseFile } from '../../support/bench.ts'
import { openStoreOn, register, storeOn, task, write } from './open.ts'

const PAGE_BYTES = 4096

/** A file with some hundred tasks, that nobody has open. */
async function goodFile(t: TestContext): Promise<{ file: string; bytes: Buffer }> {
  const file = databaseFile(t)
  const store = await openStoreOn(t, file)
  const input = { format: 0, text: JSON.stringify('x'.repeat(400)) } as const
  await write(store, { adds: Array.from({ length: 300 }, () => task({ input })) })
  await store.close()
  return { file, bytes: readFileSync(file) }
}

/** The bytes with `damage` done to a copy. */
function damaged(bytes: Buffer, damage: (copy: Buffer) => unknown): Buffer {
  const copy = Buffer.from(bytes)
  damage(copy)
  return copy
}

const DAMAGES: Readonly<Record<string, (good: Buffer) => Buffer>> = {
  'that is no database': (good) => Buffer.alloc(good.length, 'no database at all. '),
  'whose first byte is wrong': (good) => damaged(good, (copy) => copy.write('T', 0)),
  'whose header has an impossible page size': (good) => damaged(good, (copy) => copy.writeUInt16BE(777, 16)),
  'whose schema is overwritten': (good) => damaged(good, (copy) => copy.fill(0xff, 100, PAGE_BYTES)),
  'that ends in its header': (good) => good.subarray(0, 60),
  'of which one page is left': (good) => good.subarray(0, PAGE_BYTES),
  'of which the second half is missing': (good) => good.subarray(0, good.length / 2),
  'of which the last page is missing': (good) => good.subarray(0, good.length - PAGE_BYTES),
}

describe('a file', () => {
  for (const [title, damage] of Object.entries(DAMAGES)) {
    test(`${title} is refused, and left as it is`, async (t) => {
      const { file, bytes } = await goodFile(t)
      const bad = damage(bytes)
      writeFileSync(file, bad)
      await assert.rejects(openStoreOn(t, file), { code: 'STORE_CORRUPT' })
      assert.ok(readFileSync(file).equals(bad))
      assert.equal(existsSync(`${file}-wal`), false)
      writeFileSync(file, bytes)
      const store = await openStoreOn(t, file)
      assert.equal((await write(store, {})).live, 300)
    })
  }

  test('of no bytes is a new one', async (t) => {
    const file = databaseFile(t)
    writeFileSync(file, '')
    const store = await openStoreOn(t, file)
    assert.equal((await write(store, { adds: [task()] })).live, 1)
  })

  test('that is empty or gone while its log holds tasks is refused: SQLite would throw the log away', async (t) => {
    const file = databaseFile(t)
    const copy = `${file}-copy`
    const store = await openStoreOn(t, file)
    await write(store, { adds: [task()] })
    // The log of a process that died: it is there, and so is what it holds.
    copyFileSync(`${file}-wal`, `${copy}-wal`)
    const log = readFileSync(`${copy}-wal`)
    for (const empty of [true, false]) {
      if (empty) writeFileSync(copy, '')
      else rmSync(copy)
      await assert.rejects(openStoreOn(t, copy), { code: 'STORE_CORRUPT', message: /empty or gone/ })
      assert.ok(readFileSync(`${copy}-wal`).equals(log))
    }
  })
})

describe('a page that is found damaged at work', () => {
  /** A store on a file in which the first page of that table or index is overwritten; SQLite has not looked at it yet. */
  async function storeWithDamage(t: TestContext, name: string) {
    const { file, bytes } = await goodFile(t)
    const db = new DatabaseSync(file)
    const row = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name) as { rootpage: number }
    db.close()
    const start = (row.rootpage - 1) * PAGE_BYTES
    writeFileSync(
      file,
      damaged(bytes, (copy) => copy.fill(0xff, start, start + PAGE_BYTES)),
    )
    const failures: AfterwordError[] = []
    const store = await openStoreOn(t, file, { onFailure: (error) => failures.push(error) })
    return { file, store, failures }
  }

  for (const name of ['afterword_task', 'afterword_task_ready']) {
    test(`stops the store, says so once, and is what every later call gets (${name})`, async (t) => {
      const { store, failures, file } = await storeWithDamage(t, name)
      const worker = await register(store)
      assert.equal(failures.length, 0)
      const corrupt = { code: 'STORE_CORRUPT' } as const
      await assert.rejects(write(store, { worker, adds: [task()], claim: ask() }), corrupt)
      assert.deepEqual(
        failures.map(({ code, details }) => ({ code, file: (details as { file: string }).file })),
        [{ code: 'STORE_CORRUPT', file }],
      )
      await assert.rejects(write(store, { adds: [task()] }), corrupt)
      await assert.rejects(write(store, { worker, outcomes: [succeed({ id: 'a', claims: 1 })] }), corrupt)
      await assert.rejects(store.find('a'), corrupt)
      await assert.rejects(store.beat(worker), corrupt)
      await assert.rejects(store.workers(), corrupt)
      assert.equal(failures.length, 1)
      await store.close()
    })
  }

  test('stops the store also when a question meets it', async (t) => {
    const { store, failures } = await storeWithDamage(t, 'afterword_task')
    await assert.rejects(store.find(task().id), { code: 'STORE_CORRUPT' })
    assert.equal(failures.length, 1)
    await assert.rejects(store.pause('mail', true), { code: 'STORE_CORRUPT' })
  })
})

describe('a store that could not be opened', () => {
  test('can be opened when what was in the way is gone, and has left nothing open until then', async (t) => {
    const { file, bytes } = await goodFile(t)
    const store = storeOn(t, file)
    writeFileSync(file, 'no database at all, but long enough to be looked at')
    await assert.rejects(store.open(), { code: 'STORE_CORRUPT' })
    await assert.rejects(store.find('a'), { code: 'STORE_CLOSED' })
    writeFileSync(file, bytes)
    await store.open()
    assert.equal((await write(store, {})).live, 300)
    await assert.rejects(store.open(), /opened twice/)
  })
})
