import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import * as lockFiles from '../../src/stores/sqlite/lock-file.ts'
import { PeerProcess } from './peer-process.ts'
import { presenceHere } from './presence-here.ts'
import { temporaryFolder, until } from './sandbox.ts'

const BOUNDED = { timeout: 30_000 }
const NOT_LINUX = process.platform !== 'linux' && 'open descriptors are listed on Linux only'

/** What lies in the folder of the presence. */
function filesOf(file: string): readonly string[] {
  return existsSync(`${file}.d`) ? readdirSync(`${file}.d`).sort() : []
}

/** The files below `folder` that this process has open. */
function openBelow(folder: string): readonly string[] {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target.startsWith(folder)).sort()
}

describe('the files of a presence', BOUNDED, () => {
  test('are a lock and a socket that only this user may enter', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const { presence, degraded } = presenceHere(t, file)
    await presence.arrive(7, [])
    assert.deepEqual(filesOf(file), ['7.lock', '7.sock'])
    assert.equal(statSync(`${file}.d`).mode & 0o777, 0o700)
    assert.deepEqual(degraded, [])
  })

  test('are gone after leave, and so is the folder when nobody else is in it', async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'tasks.db')
    const one = presenceHere(t, file)
    const two = presenceHere(t, file)
    await one.presence.arrive(1, [])
    await two.presence.arrive(2, [1])
    await one.presence.leave()
    assert.deepEqual(filesOf(file), ['2.lock', '2.sock'])
    await two.presence.leave()
    assert.deepEqual(readdirSync(folder), [])
  })

  test('leave no descriptor open', { skip: NOT_LINUX }, async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'tasks.db')
    const { presence } = presenceHere(t, file)
    await presence.arrive(1, [])
    assert.equal(openBelow(folder).length, 1)
    await presence.leave()
    assert.deepEqual(openBelow(folder), [])
  })

  test('stay when it breaks off, with the lock free and nothing open, and it may arrive again', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = presenceHere(t, file)
    const two = presenceHere(t, file)
    await two.presence.arrive(2, [])
    await one.presence.breakOff()
    await one.presence.arrive(1, [2])
    await Promise.all([one.presence.breakOff(), one.presence.breakOff()])
    assert.deepEqual(filesOf(file), ['1.lock', '2.lock', '2.sock'])
    assert.deepEqual([one.presence.probe(1), two.presence.probe(1)], ['dead', 'dead'])
    if (process.platform === 'linux') assert.equal(openBelow(`${file}.d/1`).length, 0)
    await one.presence.arrive(3, [2])
    assert.equal(two.presence.probe(3), 'alive')
  })

  test('are gone when leave comes before the arrival ended, twice, or without any arrival', async (t) => {
    const folder = temporaryFolder(t)
    const { presence } = presenceHere(t, join(folder, 'tasks.db'))
    await presence.leave()
    const arrival = presence.arrive(1, [2, 3])
    await Promise.all([presence.leave(), presence.leave()])
    await arrival
    await presence.leave()
    assert.deepEqual(readdirSync(folder), [])
  })

  test('come back when a presence arrives again under another incarnation', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const { presence } = presenceHere(t, file)
    await presence.arrive(1, [])
    await assert.rejects(presence.arrive(2, []), /twice/)
    await presence.leave()
    await presence.arrive(2, [])
    assert.deepEqual(filesOf(file), ['2.lock', '2.sock'])
  })

  test('lie among the temporary files where the path is too long for a socket, and peers still meet', async (t) => {
    const folder = join(temporaryFolder(t), 'x'.repeat(120))
    mkdirSync(folder)
    const file = join(folder, 'tasks.db')
    const before = new Set(readdirSync(tmpdir()))
    const { presence, degraded, gone, rung } = presenceHere(t, file)
    await presence.arrive(1, [])
    assert.deepEqual(filesOf(file), ['1.lock'])
    const peer = await PeerProcess.arrived(t, file, 2, [1])
    await rung(1)
    await peer.next('rang')
    const sockets = readdirSync(tmpdir()).filter((name) => /^afterword-[0-9a-f]{16}-/.test(name) && !before.has(name))
    assert.equal(sockets.length, 2)
    await peer.kill()
    await until(t, () => gone.length > 0)
    presence.bury(2)
    await presence.leave()
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => sockets.includes(name)),
      [],
    )
    assert.deepEqual(degraded, [])
  })
})

describe('a probe', BOUNDED, () => {
  test('says alive while the process lives and dead once it was killed, again and again', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const peer = await PeerProcess.arrived(t, file, 1)
    const { presence } = presenceHere(t, file)
    assert.deepEqual([presence.probe(1), presence.probe(1)], ['alive', 'alive'])
    await peer.kill()
    assert.deepEqual([presence.probe(1), presence.probe(1)], ['dead', 'dead'])
  })

  test('says unknown of a peer without a lock file, and makes none', (t) => {
    const folder = temporaryFolder(t)
    const { presence } = presenceHere(t, join(folder, 'tasks.db'))
    assert.equal(presence.probe(1), 'unknown')
    assert.deepEqual(readdirSync(folder), [])
  })

  test('says unknown of a peer that has left', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const peer = await PeerProcess.arrived(t, file, 1)
    const { presence } = presenceHere(t, file)
    await presence.arrive(2, [1])
    peer.tell({ do: 'leave' })
    await peer.next('left')
    assert.equal(presence.probe(1), 'unknown')
  })

  test('never meets a lock file that its living process has not locked yet, or no longer', (t) => {
    // Both moments are inside of calls: before the lock is asked for, and when the connection closes, there is no file.
    const folder = temporaryFolder(t)
    const path = join(folder, '1.lock')
    const seen: string[] = []
    for (const name of ['exec', 'close'] as const) {
      const real = Reflect.get(DatabaseSync.prototype, name) as (this: DatabaseSync, sql?: string) => void
      t.mock.method(DatabaseSync.prototype, name, function (this: DatabaseSync, sql?: string) {
        seen.push(`${name}: ${existsSync(path) ? 'there' : 'no file'}`)
        real.call(this, sql)
      })
    }
    const lock = lockFiles.LockFile.take(join(folder, '1.arriving'), path)
    assert.ok(existsSync(path))
    lock.release()
    assert.deepEqual(seen, ['exec: no file', 'close: no file'])
  })

  test('leaves the probed file closed', { skip: NOT_LINUX }, async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'tasks.db')
    const peer = await PeerProcess.arrived(t, file, 1)
    const { presence } = presenceHere(t, file)
    presence.probe(1)
    await peer.kill()
    presence.probe(1)
    assert.deepEqual(openBelow(folder), [])
  })

  test('does not take another probe of the same moment for the holder of the lock', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const peer = await PeerProcess.arrived(t, file, 1)
    const { presence } = presenceHere(t, file)
    await peer.kill()
    const other = new DatabaseSync(join(`${file}.d`, '1.lock'), { readOnly: true })
    t.after(() => other.close())
    other.exec('BEGIN; PRAGMA schema_version')
    assert.equal(presence.probe(1), 'dead')
  })
})

describe('two presences in one process', BOUNDED, () => {
  test('ring each other, take each other for alive, and stay alive to others', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = presenceHere(t, file)
    const two = presenceHere(t, file)
    await one.presence.arrive(1, [])
    await two.presence.arrive(2, [1])
    await Promise.all([one.rung(1), two.rung(1)])
    one.presence.ring()
    await two.rung(2)
    two.presence.ringOne(1)
    await one.rung(2)
    assert.deepEqual([one.presence.probe(2), two.presence.probe(1)], ['alive', 'alive'])
    assert.deepEqual([one.presence.probe(1), two.presence.probe(2)], ['alive', 'alive'])
    const outside = await PeerProcess.arrived(t, file, 3)
    assert.deepEqual([await outside.probe(1), await outside.probe(2)], ['alive', 'alive'])
  })

  test('know of each other also when they come from two copies of the library', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const { presence } = presenceHere(t, file)
    await presence.arrive(1, [])
    const address = new URL('../../src/stores/sqlite/lock-file.ts?copy', import.meta.url).href
    const copy = (await import(address)) as typeof lockFiles
    assert.notEqual(copy.probeLock, lockFiles.probeLock)
    // A name that only the shared register can answer for: the file itself is somewhere else.
    renameSync(join(`${file}.d`, '1.lock'), join(`${file}.d`, 'elsewhere'))
    assert.equal(copy.probeLock(join(`${file}.d`, '1.lock')), 'held')
    renameSync(join(`${file}.d`, 'elsewhere'), join(`${file}.d`, '1.lock'))
  })
})

describe('burying and sweeping', BOUNDED, () => {
  test('bury removes the files of the dead, and of nobody else', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const dead = await PeerProcess.arrived(t, file, 1)
    await PeerProcess.arrived(t, file, 2)
    const { presence } = presenceHere(t, file)
    await presence.arrive(3, [])
    await dead.kill()
    for (const peer of [1, 1, 2, 3, 4]) presence.bury(peer)
    assert.deepEqual(filesOf(file), ['2.lock', '2.sock', '3.lock', '3.sock'])
    assert.equal(presence.probe(1), 'unknown')
  })

  test('a sweep removes what the dead left, and spares the living, the registered and the newcomers', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const dead = await PeerProcess.arrived(t, file, 1)
    await PeerProcess.arrived(t, file, 2)
    const registered = await PeerProcess.arrived(t, file, 3)
    const { presence } = presenceHere(t, file)
    await presence.arrive(5, [])
    await Promise.all([dead.kill(), registered.kill()])
    for (const name of ['4.arriving', '6.arriving', '6.lock', 'notes.txt']) writeFileSync(join(`${file}.d`, name), '')
    // 2 was declared dead by its lease, but its process lives; 6 may have registered after the store was read.
    presence.sweepFiles([3, 5])
    const spared = ['2.lock', '2.sock', '3.lock', '3.sock', '5.lock', '5.sock', '6.arriving', '6.lock', 'notes.txt']
    assert.deepEqual(filesOf(file), spared)
  })

  test('a sweep without any worker in the store removes nothing', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const dead = await PeerProcess.arrived(t, file, 1)
    await dead.kill()
    presenceHere(t, file).presence.sweepFiles([])
    assert.deepEqual(filesOf(file), ['1.lock', '1.sock'])
  })
})

describe('where the system refuses', BOUNDED, () => {
  test('a folder, presence arrives, says so, knows nothing and never throws', async (t) => {
    const folder = temporaryFolder(t)
    const file = join(folder, 'tasks.db')
    writeFileSync(`${file}.d`, 'a file where the folder should be')
    const { presence, degraded } = presenceHere(t, file)
    await presence.arrive(1, [2])
    assert.equal(degraded.length, 2)
    assert.match(degraded[0] ?? '', /^no lock file \(EEXIST/)
    assert.match(degraded[1] ?? '', /^peers cannot call \(.*ENOTDIR/)
    presence.ring()
    presence.ringOne(2)
    presence.bury(2)
    presence.sweepFiles([1, 2])
    assert.equal(presence.probe(2), 'unknown')
    await presence.leave()
    assert.deepEqual(readdirSync(folder), ['tasks.db.d'])
  })

  test('sockets, presence lives by its lock alone', async (t) => {
    const folder = join(temporaryFolder(t), 'x'.repeat(120))
    mkdirSync(folder)
    const file = join(folder, 'tasks.db')
    const before = process.env['TMPDIR']
    t.after(() => (before === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = before)))
    process.env['TMPDIR'] = join(folder, 'y'.repeat(60))
    const { presence, degraded } = presenceHere(t, file)
    await presence.arrive(1, [2])
    assert.equal(degraded.length, 1)
    assert.match(degraded[0] ?? '', /^peers cannot call/)
    presence.ring()
    presence.ringOne(2)
    const outside = await PeerProcess.arrived(t, file, 2, [1])
    assert.equal(await outside.probe(1), 'alive')
  })
})
