/**
 * Goal: the store stops exactly when it must. Method: SQLite is brought to fail for real (a full disk, a damaged file,
 * a limit on file sizes, another connection), and what it throws is classified.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { closeSync, copyFileSync, existsSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AfterwordError } from '../../src/model/errors.ts'
import type { ErrorCode } from '../../src/model/errors.ts'
import { isBusy, isFatal, isFull, sqliteResultCode, toStoreError } from '../../src/stores/sqlite/sqlite-errors.ts'
import { NO_MOUNT, temporaryDisk, temporaryFolder } from './sandbox.ts'

/** What `action` throws. */
function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** A database in WAL mode with an empty table `t (x)`, closed after the test. */
function openWal(t: TestContext, file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 0 })
  t.after(() => {
    if (db.isOpen) db.close()
  })
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS t (x)')
  return db
}

/** An error as `node:sqlite` throws it. */
function sqliteError(errcode: number, message = 'disk I/O error'): Error {
  return Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode })
}

function assertKind(error: unknown, kind: { code: ErrorCode; fatal: boolean; busy?: boolean }): void {
  const shown = toStoreError(error, 'tasks.db')
  assert.deepEqual(
    { code: shown.code, fatal: isFatal(error), busy: isBusy(error), cause: shown.cause },
    { code: kind.code, fatal: kind.fatal, busy: kind.busy ?? false, cause: error },
  )
}

describe('an error that passes', () => {
  test('is a lock that another connection holds: busy, never fatal', (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const holder = openWal(t, file)
    const waiter = openWal(t, file)
    holder.exec('BEGIN IMMEDIATE')
    const error = thrownBy(() => waiter.exec('BEGIN IMMEDIATE'))
    assertKind(error, { code: 'STORE_BUSY', fatal: false, busy: true })
    assert.match(toStoreError(error, file, 1234.5).message, /locked by another process for 1235 ms/)
  })

  test('is a snapshot that has become old, and every other variant of busy and locked', (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const reader = openWal(t, file)
    const writer = openWal(t, file)
    reader.exec('BEGIN; SELECT * FROM t')
    writer.exec('INSERT INTO t VALUES (1)')
    const error = thrownBy(() => reader.exec('INSERT INTO t VALUES (2)'))
    assert.equal(sqliteResultCode(error), 517)
    assertKind(error, { code: 'STORE_BUSY', fatal: false, busy: true })
    for (const code of [5, 6, 15, 261, 262, 773]) assert.ok(isBusy(sqliteError(code)), String(code))
  })

  test('is a full disk at a write, after which the same connection writes again once there is room', (t) => {
    const disk = temporaryDisk(t, 'size=1m')
    if (disk === undefined) {
      t.skip(NO_MOUNT)
      return
    }
    const db = openWal(t, join(disk, 'tasks.db'))
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(256 * 1024))
    const error = thrownBy(() => {
      for (;;) db.exec('INSERT INTO t VALUES (randomblob(3000))')
    })
    assert.equal(sqliteResultCode(error), 13)
    assertKind(error, { code: 'STORE_FULL', fatal: false })
    rmSync(join(disk, 'ballast'))
    db.exec('INSERT INTO t VALUES (randomblob(3000))')
    assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
  })

  test('is a full disk at the growth of the shared memory, which SQLite calls an input/output error', (t) => {
    const disk = temporaryDisk(t, 'size=128k')
    if (disk === undefined) {
      t.skip(NO_MOUNT)
      return
    }
    const source = join(temporaryFolder(t), 'tasks.db')
    const origin = openWal(t, source)
    origin.exec('INSERT INTO t VALUES (1)')
    origin.close()
    const file = join(disk, 'tasks.db')
    copyFileSync(source, file)
    fill(join(disk, 'ballast'))
    const db = new DatabaseSync(file, { timeout: 0 })
    t.after(() => db.close())
    const error = thrownBy(() => db.prepare('SELECT * FROM t').all())
    assert.equal(sqliteResultCode(error), 4874)
    assertKind(error, { code: 'STORE_FULL', fatal: false })
    assert.ok(isFull(error))
    rmSync(join(disk, 'ballast'))
    assert.equal(db.prepare('SELECT * FROM t').all().length, 1)
  })
})

describe('an error that ends the store', () => {
  test('is a file that is not a database', (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    writeFileSync(file, 'This is a text and not a database.'.repeat(100))
    const db = new DatabaseSync(file)
    t.after(() => db.close())
    const error = thrownBy(() => db.exec('SELECT * FROM sqlite_schema'))
    assertKind(error, { code: 'STORE_CORRUPT', fatal: true })
    assert.match(toStoreError(error, file).message, /file is not a database \(SQLite result 26\)/)
  })

  test('is a damaged database', (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const whole = openWal(t, file)
    for (let i = 0; i < 100; i++) whole.exec('INSERT INTO t VALUES (randomblob(1000))')
    whole.exec(`VACUUM INTO '${file}.copy'`)
    whole.close()
    damage(`${file}.copy`)
    const db = new DatabaseSync(`${file}.copy`)
    t.after(() => db.close())
    const error = thrownBy(() => db.prepare('SELECT * FROM t').all())
    assert.equal(sqliteResultCode(error), 11)
    assertKind(error, { code: 'STORE_CORRUPT', fatal: true })
  })

  test('is a write that the system refuses for another reason than space', async (t) => {
    if (process.platform === 'win32') {
      t.skip('Windows has no limit on file sizes')
      return
    }
    const file = join(temporaryFolder(t), 'tasks.db')
    const script = fileURLToPath(new URL('children/file-size-limit.ts', import.meta.url))
    // POSIX counts the limit in blocks of 512 bytes, some shells in KiB: between 64 and 128 KiB.
    const command = `ulimit -f 128; exec "$0" "$1" "$2"`
    const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, script, file])
    assert.deepEqual(JSON.parse(stdout), {
      resultCode: 778,
      code: 'STORE_FAILED',
      fatal: true,
      reason: 'disk I/O error while writing (SQLite result 778)',
    })
    assert.ok(existsSync(file))
  })

  test('is every input/output error but the one by which a full disk shows', () => {
    for (let circumstance = 0; circumstance <= 34; circumstance++) {
      const error = sqliteError(10 | (circumstance << 8))
      const full = circumstance === 19
      assertKind(error, { code: full ? 'STORE_FULL' : 'STORE_FAILED', fatal: !full })
    }
    assert.match(
      toStoreError(sqliteError(1034), 'tasks.db').message,
      /disk I\/O error while syncing \(SQLite result 1034\)/,
    )
  })

  test('is a sync of ours that failed, also for lack of space: what was written before may be lost', () => {
    for (const code of ['EIO', 'ENOSPC', 'EDQUOT']) {
      const error = Object.assign(new Error(`${code}: it failed, fdatasync`), { code, syscall: 'fdatasync' })
      assertKind(error, { code: 'STORE_FAILED', fatal: true })
    }
  })

  test('is a database file that was moved away', () => {
    assertKind(sqliteError(1032, 'attempt to write a readonly database'), { code: 'STORE_NOT_WRITABLE', fatal: true })
  })
})

describe('an error of permission', () => {
  test('is a write to a file that was opened read-only', (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    openWal(t, file)
    const db = new DatabaseSync(file, { readOnly: true })
    t.after(() => db.close())
    assertKind(
      thrownBy(() => db.exec('INSERT INTO t VALUES (1)')),
      { code: 'STORE_NOT_WRITABLE', fatal: false },
    )
  })

  test('is a file that cannot be opened', (t) => {
    const file = join(temporaryFolder(t), 'missing', 'tasks.db')
    assertKind(
      thrownBy(() => new DatabaseSync(file)),
      { code: 'STORE_NOT_WRITABLE', fatal: false },
    )
  })
})

describe('an error of another kind', () => {
  test('of SQLite is neither busy nor full nor fatal, and its reason says what it is', (t) => {
    const db = openWal(t, join(temporaryFolder(t), 'tasks.db'))
    const error = thrownBy(() => db.exec('SELECT * FROM absent'))
    assertKind(error, { code: 'STORE_FAILED', fatal: false })
    assert.equal(isFull(error), false)
    assert.match(toStoreError(error, 'tasks.db').message, /no such table: absent \(SQLite result 1\)/)
  })

  test('of our own comes back as it is', () => {
    const error = new AfterwordError('STORE_CLOSED', { file: 'tasks.db' })
    assert.equal(toStoreError(error, 'other.db'), error)
  })

  test('that is not even an error has no result code and becomes one', () => {
    for (const thrown of [undefined, null, 'text', 5, { code: 'ERR_SQLITE_ERROR', errcode: 5 }, new Error('other')]) {
      assert.equal(sqliteResultCode(thrown), undefined)
      assertKind(thrown, { code: 'STORE_FAILED', fatal: false })
    }
  })
})

/** Fills the disk to the last byte. */
function fill(file: string): void {
  for (const bytes of [4096, 64, 1]) {
    const block = Buffer.alloc(bytes)
    try {
      for (;;) writeFileSync(file, block, { flag: 'a' })
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
}

/** Overwrites every page but the first; nobody may have the file open. */
function damage(file: string): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.alloc(statSync(file).size - 4096, 0xa5), 0, undefined, 4096)
  closeSync(descriptor)
}
