/** A file that nobody closed is looked through before the store writes to it. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import { systemClock } from '../../../src/ports/system.ts'
import { SqlitePresence } from '../../../src/stores/sqlite/presence.ts'
import { databaseFile, folder, later } from '../../support/bench.ts'
import { openStoreOn, register, task, write } from './open.ts'

const PAGE_BYTES = 4096

/** The files of a process that died as worker 1: tasks in the database and in the log; no log when it had closed them. */
async function leftBehind(t: TestContext, closed: boolean): Promise<string> {
  const file = databaseFile(t)
  const input = { format: 0, text: JSON.stringify('x'.repeat(400)) } as const
  const first = await openStoreOn(t, file)
  await write(first, { adds: Array.from({ length: 300 }, () => task({ input })) })
  await first.close()
  const left = join(folder(t), 'left.db')
  if (closed) {
    copyFileSync(file, left)
    return left
  }
  const store = await openStoreOn(t, file)
  await register(store)
  await write(store, { adds: [task()] })
  for (const suffix of ['', '-wal']) copyFileSync(`${file}${suffix}`, `${left}${suffix}`)
  return left
}

/** Overwrites the first page of an index that opening does not look at, and that the log does not hold. */
function damage(file: string): { readonly database: Buffer; readonly log: Buffer | undefined } {
  const copy = join(dirname(file), 'copy.db')
  copyFileSync(file, copy)
  const db = new DatabaseSync(copy)
  const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'afterword_task_waiting'").get() as {
    rootpage: number
  }
  db.close()
  const database = readFileSync(file)
  database.fill(0xff, (page.rootpage - 1) * PAGE_BYTES, page.rootpage * PAGE_BYTES)
  writeFileSync(file, database)
  return { database, log: existsSync(`${file}-wal`) ? readFileSync(`${file}-wal`) : undefined }
}

describe('a file that nobody closed', () => {
  test('and that is damaged is refused, and left as it is', async (t) => {
    const file = await leftBehind(t, false)
    const { database, log } = damage(file)
    await assert.rejects(openStoreOn(t, file), { code: 'STORE_CORRUPT', message: /btree|page|disk image/i })
    assert.ok(readFileSync(file).equals(database))
    assert.ok(readFileSync(`${file}-wal`).equals(log!))
  })

  test('and that is sound is opened with what its log holds', async (t) => {
    const file = await leftBehind(t, false)
    const store = await openStoreOn(t, file)
    assert.equal((await write(store, {})).live, 301)
  })
})

describe('a file whose making was cut short', () => {
  test('is made anew, although its journal has to be rolled back and a log lies beside it', async (t) => {
    const [file, left] = [databaseFile(t), join(folder(t), 'left.db')]
    const db = new DatabaseSync(file)
    db.exec(`PRAGMA cache_size = 1; BEGIN; CREATE TABLE made (value); INSERT INTO made VALUES (zeroblob(100000))`)
    for (const suffix of ['', '-journal']) copyFileSync(`${file}${suffix}`, `${left}${suffix}`)
    db.close()
    writeFileSync(`${left}-wal`, Buffer.alloc(32, 0xff))
    assert.ok(readFileSync(left).length > 0)
    const store = await openStoreOn(t, left)
    assert.equal((await write(store, { adds: [task()] })).live, 1)
  })
})

describe('a file that is not looked through', () => {
  test('is one that was closed in order', async (t) => {
    const file = await leftBehind(t, true)
    damage(file)
    await openStoreOn(t, file)
  })

  test('is one that a living worker has open: it looked when it came', async (t) => {
    const file = await leftBehind(t, false)
    const presence = new SqlitePresence({ file, clock: systemClock })
    await presence.arrive(1, [])
    later(t).defer(() => presence.leave())
    damage(file)
    await openStoreOn(t, file)
  })
})
