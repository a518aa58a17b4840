import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type AfterwordError, isAfterwordError } from '../../../src/model/errors.ts'
import { databaseFile, folder } from '../../support/bench.ts'
import { NO_MOUNT, remount, temporaryDisk, temporaryFolder } from '../sandbox.ts'
import { Child, faultInjector, NO_COMPILER } from './child.ts'
import { fillDisk } from './full-disk.ts'
import { add, openStoreOn, storeOn, task, write } from './open.ts'

interface Answer {
  readonly ok?: number
  readonly code?: string
  readonly message?: string
}

describe('a store that may not write', () => {
  test('is refused in a folder of somebody else, with owner and mode', async (t) => {
    const place = join(temporaryFolder(t), 'data')
    mkdirSync(place)
    chmodSync(place, 0o555)
    const child = new Child<Answer>(t, 'opener.ts', [])
    await child.next()
    child.tell(`nobody ${join(place, 'tasks.db')}`)
    const { code, message = '' } = await child.next()
    assert.equal(code, 'STORE_NOT_WRITABLE')
    assert.match(message, /mode 0555/)
    assert.equal(existsSync(join(place, 'tasks.db')), false)
  })

  test('is refused on a file of somebody else', async (t) => {
    const place = temporaryFolder(t)
    chmodSync(place, 0o777)
    const file = join(place, 'tasks.db')
    const store = await openStoreOn(t, file)
    await store.close()
    chmodSync(file, 0o444)
    const child = new Child<Answer>(t, 'opener.ts', [])
    await child.next()
    child.tell(`nobody ${file}`)
    assert.equal((await child.next()).code, 'STORE_NOT_WRITABLE')
  })

  test('is refused on a disk that is mounted read-only', async (t) => {
    const disk = temporaryDisk(t, 'size=4m')
    if (disk === undefined) return t.skip(NO_MOUNT)
    const store = await openStoreOn(t, join(disk, 'tasks.db'))
    await store.close()
    remount(disk, 'ro')
    await assert.rejects(openStoreOn(t, join(disk, 'tasks.db')), { code: 'STORE_NOT_WRITABLE', message: /read-only/ })
  })

  test('is refused on a file system that it reaches over a network', async (t) => {
    const library = faultInjector(t)
    if (library === undefined) return t.skip(NO_COMPILER)
    const env = { LD_PRELOAD: library, FAULT_FILE_SYSTEM: '0x6969' }
    const child = new Child<Answer>(t, 'opener.ts', [], { env })
    await child.next()
    const file = databaseFile(t)
    child.tell(`store ${file}`)
    const { code, message = '' } = await child.next()
    assert.equal(code, 'STORE_NETWORK_FILESYSTEM')
    assert.match(message, /\(NFS\)/)
    assert.equal(existsSync(file), false)
  })
})

describe('a store on a full disk', () => {
  test('refuses adds with a code, keeps what it has, and goes on when there is space again', async (t) => {
    const disk = temporaryDisk(t, 'size=3m')
    if (disk === undefined) return t.skip(NO_MOUNT)
    const failures: AfterwordError[] = []
    const store = await openStoreOn(t, join(disk, 'tasks.db'), { onFailure: (error) => failures.push(error) })
    const first = task()
    await add(store, first)
    const space = fillDisk(disk)
    const full = { code: 'STORE_FULL', statusCode: 503, retryAfterSeconds: 10 } as const
    for (let i = 0; i < 3; i++) await assert.rejects(add(store, task()), full)
    assert.equal((await store.find(first.id))?.state, 'ready')
    space.free()
    await add(store, task(), task())
    assert.equal((await write(store, {})).live, 3)
    assert.deepEqual(failures, [])
  })

  test('can be opened when there is space again', async (t) => {
    const disk = temporaryDisk(t, 'size=3m')
    if (disk === undefined) return t.skip(NO_MOUNT)
    const space = fillDisk(disk)
    const store = storeOn(t, join(disk, 'tasks.db'))
    await assert.rejects(store.open(), { code: 'STORE_FULL' })
    space.free()
    await store.open()
    await add(store, task())
    assert.equal((await write(store, {})).live, 1)
  })

  test('takes a file that a full disk left half made for a new one', async (t) => {
    const disk = temporaryDisk(t, 'size=3m')
    if (disk === undefined) return t.skip(NO_MOUNT)
    for (const pages of [1, 2, 4, 8, 16, 24, 32]) {
      const file = join(disk, `tasks-${pages}.db`)
      const space = fillDisk(disk, pages)
      const store = storeOn(t, file)
      await store.open().catch((error: unknown) => {
        if (!isAfterwordError(error, 'STORE_FULL')) throw error
      })
      await store.close()
      space.free()
      await store.open()
      await add(store, task())
      assert.equal((await write(store, {})).live, 1)
      await store.close()
    }
  })
})

describe('a store in a folder that is not there', () => {
  test('makes it', async (t) => {
    const file = join(folder(t), 'data', 'deep', 'tasks.db')
    const store = await openStoreOn(t, file)
    await add(store, task())
    assert.equal(store.file, file)
    assert.equal(store.url, `sqlite:${file}`)
  })

  test('says that a part of its path is a file', async (t) => {
    const place = folder(t)
    writeFileSync(join(place, 'data'), '')
    await assert.rejects(openStoreOn(t, join(place, 'data', 'tasks.db')), { code: 'STORE_NOT_WRITABLE' })
  })
})
