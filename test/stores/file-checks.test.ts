import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isAfterwordError } from '../../src/model/errors.ts'
import { checkLocation, freeBytes } from '../../src/stores/sqlite/file-checks.ts'
import type { StatFileSystem } from '../../src/stores/sqlite/file-checks.ts'
import { NO_MOUNT, remount, temporaryDisk, temporaryFolder } from './sandbox.ts'

const NOT_LINUX = process.platform !== 'linux' && 'file systems have numbers on Linux only'

/** What the check says to a user without privileges. */
function checkAsNobody(file: string): { uid: number; code?: string; message?: string; file?: string } {
  const script = fileURLToPath(new URL('children/check-location.ts', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [script, file], { encoding: 'utf8' })) as { uid: number }
}

/** A file system of that number, with room. */
const fileSystem =
  (type: number, facts?: { bsize?: number; bavail?: number }): StatFileSystem =>
  async () => ({ type, bsize: 4096, bavail: 1_000_000, ...facts })

const refusedAs = (code: 'STORE_NOT_WRITABLE' | 'STORE_NETWORK_FILESYSTEM' | 'STORE_FULL', reason = /./) => {
  return (error: unknown) => isAfterwordError(error, code) && reason.test(error.message)
}

describe('a location', () => {
  test('that is free is accepted, with the folders that were missing made', async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'a', 'b', 'tasks.db')
    assert.deepEqual(await checkLocation(file), { file, folder: join(folder, 'a', 'b'), exists: false })
    assert.deepEqual(readdirSync(join(folder, 'a', 'b')), [])
  })

  test('that is taken by a file is accepted, with the file untouched', async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'tasks.db')
    writeFileSync(file, 'content')
    assert.deepEqual(await checkLocation(file), { file, folder, exists: true })
    assert.equal(readFileSync(file, 'utf8'), 'content')
  })

  test('has one identity, whatever links and names lead to it, before and after the file exists', async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'data', 'tasks.db')
    mkdirSync(join(folder, 'data'))
    symlinkSync('data', join(folder, 'linked-folder'))
    symlinkSync(join('linked-folder', 'tasks.db'), join(folder, 'linked-file'))
    symlinkSync('linked-file', join(folder, 'linked-twice'))
    const names = ['data/tasks.db', 'linked-folder/tasks.db', 'linked-file', 'linked-twice', 'data/../data/tasks.db']
    const found = new Set<string>()
    for (const name of names) found.add((await checkLocation(join(folder, name))).file)
    writeFileSync(file, '')
    for (const name of names) found.add((await checkLocation(relative(process.cwd(), join(folder, name)))).file)
    assert.deepEqual([...found], [file])
  })

  test('behind links that run in a circle is refused', async (t) => {
    const folder = temporaryFolder(t)
    symlinkSync('b', join(folder, 'a'))
    symlinkSync('a', join(folder, 'b'))
    await assert.rejects(checkLocation(join(folder, 'a')), refusedAs('STORE_NOT_WRITABLE', /ELOOP/))
  })

  test('that is a folder is refused', async (t) => {
    const folder = temporaryFolder(t)
    await assert.rejects(checkLocation(folder), refusedAs('STORE_NOT_WRITABLE', /it is a folder/))
  })

  test('that is a device is refused', { skip: NOT_LINUX }, async () => {
    await assert.rejects(checkLocation('/dev/null'), refusedAs('STORE_NOT_WRITABLE', /neither a file nor missing/))
  })

  test('below a file is refused', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), '')
    for (const name of ['file/tasks.db', 'file/a/tasks.db']) {
      await assert.rejects(
        checkLocation(join(folder, name)),
        refusedAs('STORE_NOT_WRITABLE', /ENOTDIR, a part of its path is a file/),
      )
    }
  })
})

describe('a location without permission', () => {
  test('to write into its folder is refused, with owner and mode of the folder and the user that asks', (t) => {
    const folder = temporaryFolder(t)
    const closed = join(folder, 'closed')
    mkdirSync(closed)
    writeFileSync(join(closed, 'tasks.db'), '')
    chmodSync(join(closed, 'tasks.db'), 0o666)
    chmodSync(closed, 0o555)
    const { uid, code, message } = checkAsNobody(join(closed, 'tasks.db'))
    assert.equal(code, 'STORE_NOT_WRITABLE')
    const owner = `uid ${process.getuid?.()}, gid ${process.getgid?.()}`
    const facts = `EACCES, the folder ${closed} belongs to ${owner}, mode 0555`
    chmodSync(closed, 0o755)
    assert.ok(message?.includes(`${facts}; this process runs as uid ${uid}`), message)
  })

  test('to make its folder is refused, and nothing is made', (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o555)
    const { code, message } = checkAsNobody(join(folder, 'a', 'b', 'tasks.db'))
    assert.equal(code, 'STORE_NOT_WRITABLE')
    assert.ok(message?.includes(`EACCES, the folder ${folder} belongs to`), message)
    assert.deepEqual(readdirSync(folder), [])
  })

  for (const suffix of ['', '-wal', '-shm']) {
    test(`to write tasks.db${suffix} is refused, with owner and mode of that file`, (t) => {
      const folder = temporaryFolder(t)
      chmodSync(folder, 0o777)
      const file = join(folder, 'tasks.db')
      for (const name of [file, `${file}-wal`, `${file}-shm`]) {
        writeFileSync(name, '')
        chmodSync(name, name === file + suffix ? 0o444 : 0o666)
      }
      const { code, message } = checkAsNobody(file)
      assert.equal(code, 'STORE_NOT_WRITABLE')
      assert.match(message ?? '', new RegExp(`EACCES, the file ${file}${suffix} belongs to uid .*, mode 0444`))
    })
  }

  test('to look into a folder above it is refused, with owner and mode of that folder', (t) => {
    const folder = temporaryFolder(t)
    const hidden = join(folder, 'hidden')
    mkdirSync(join(hidden, 'data'), { recursive: true })
    chmodSync(hidden, 0o000)
    const { code, message } = checkAsNobody(join(hidden, 'data', 'tasks.db'))
    assert.equal(code, 'STORE_NOT_WRITABLE')
    assert.ok(message?.includes(`EACCES, the folder ${hidden} belongs to`), message)
    chmodSync(hidden, 0o755)
  })

  test('that this user was given is accepted', (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o777)
    assert.equal(checkAsNobody(join(folder, 'tasks.db')).file, join(folder, 'tasks.db'))
  })

  test('because the disk is mounted read-only is refused, also for the superuser', async (t) => {
    const disk = temporaryDisk(t, 'size=1m')
    if (disk === undefined) {
      t.skip(NO_MOUNT)
      return
    }
    writeFileSync(join(disk, 'tasks.db'), '')
    remount(disk, 'ro')
    for (const name of ['tasks.db', 'new.db', 'a/new.db']) {
      await assert.rejects(
        checkLocation(join(disk, name)),
        refusedAs('STORE_NOT_WRITABLE', /EROFS, the file system of .* is mounted read-only/),
      )
    }
  })
})

describe('a location on a network file system', { skip: NOT_LINUX }, () => {
  for (const [type, name] of [
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [0xfe534d42, 'SMB2'],
    [0x5346414f, 'AFS'],
    [0x00c36400, 'Ceph'],
    [0x01021997, '9p'],
  ] as const) {
    test(`is refused: ${name}`, async (t) => {
      const file = join(temporaryFolder(t), 'tasks.db')
      await assert.rejects(
        checkLocation(file, fileSystem(type)),
        refusedAs('STORE_NETWORK_FILESYSTEM', new RegExp(`network file system \\(${name}\\)`)),
      )
    })
  }

  test('is refused also when a 32-bit kernel gives its number a sign', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    await assert.rejects(checkLocation(file, fileSystem(0xff534d42 | 0)), refusedAs('STORE_NETWORK_FILESYSTEM'))
  })

  test('is refused before any folder is made on it', async (t) => {
    const folder = temporaryFolder(t)
    await assert.rejects(checkLocation(join(folder, 'a', 'tasks.db'), fileSystem(0x6969)))
    assert.ok(!existsSync(join(folder, 'a')))
  })

  test('is told by where a link leads, not by where the link is', async (t) => {
    const folder = temporaryFolder(t)
    const share = join(folder, 'share')
    mkdirSync(share)
    symlinkSync(join(share, 'tasks.db'), join(folder, 'tasks.db'))
    const statFileSystem: StatFileSystem = async (path) => fileSystem(path === share ? 0x6969 : 0xef53)(path)
    await assert.rejects(checkLocation(join(folder, 'tasks.db'), statFileSystem), refusedAs('STORE_NETWORK_FILESYSTEM'))
  })

  test('is not seen in FUSE, which local disks use as well', async (t) => {
    await checkLocation(join(temporaryFolder(t), 'tasks.db'), fileSystem(0x65735546))
  })
})

describe('a location on a disk that is nearly full', { skip: NOT_LINUX }, () => {
  test('is refused where blocks are so small that SQLite would be killed by a signal', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const small = fileSystem(0xef53, { bsize: 1024, bavail: 255 })
    await assert.rejects(checkLocation(file, small), refusedAs('STORE_FULL'))
    await checkLocation(file, fileSystem(0xef53, { bsize: 1024, bavail: 256 }))
    await checkLocation(file, fileSystem(0xef53, { bsize: 4096, bavail: 0 }))
  })
})

describe('free bytes', () => {
  test('are what the file system has left for this user', async (t) => {
    const disk = temporaryDisk(t, 'size=2m')
    if (disk === undefined) {
      t.skip(NO_MOUNT)
      return
    }
    writeFileSync(join(disk, 'half'), Buffer.alloc(1024 * 1024))
    assert.equal(await freeBytes(join(disk, 'tasks.db')), 1024 * 1024)
  })
})
