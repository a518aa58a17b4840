import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PeerProcess } from './peer-process.ts'
import { presenceHere } from './presence-here.ts'
import { temporaryFolder, until } from './sandbox.ts'

const BOUNDED = { timeout: 30_000 }

describe('processes that share a database file', BOUNDED, () => {
  test('ring each other in both directions', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    // Each rings when their connection opens; from here on they know each other.
    await Promise.all([one.next('rang'), two.next('rang')])
    two.tell({ do: 'ring' })
    await one.next('rang')
    one.tell({ do: 'ring' })
    await two.next('rang')
  })

  test('all hear the ring of one', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    await Promise.all([one.next('rang'), two.next('rang')])
    const three = await PeerProcess.arrived(t, file, 3, [1, 2])
    await Promise.all([one.next('rang'), two.next('rang')])
    three.tell({ do: 'ring' })
    await Promise.all([one.next('rang'), two.next('rang')])
  })

  test('two that arrive at once find each other although the store named neither to the other', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = new PeerProcess(t, file, 1, [])
    const two = new PeerProcess(t, file, 2, [])
    await Promise.all([one.next('rang'), two.next('rang')])
    await one.kill()
    assert.deepEqual(await two.next('gone'), { event: 'gone', peer: 1, probe: 'dead' })
  })

  test('the death of a peer by SIGKILL is told to all others, and its lock is free by then', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    const three = await PeerProcess.arrived(t, file, 3, [1, 2])
    await one.next('rang')
    assert.equal(await one.probe(2), 'alive')
    await two.kill()
    for (const survivor of [one, three]) {
      assert.deepEqual(await survivor.next('gone'), { event: 'gone', peer: 2, probe: 'dead' })
    }
  })

  test('an end without leave is told like any death', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    await one.next('rang')
    two.child.kill('SIGTERM')
    assert.deepEqual(await one.next('gone'), { event: 'gone', peer: 2, probe: 'dead' })
  })

  test('a peer that leaves is not told as gone', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    const three = await PeerProcess.arrived(t, file, 3, [1, 2])
    await one.next('rang')
    two.tell({ do: 'leave' })
    await two.next('left')
    await three.kill()
    assert.equal((await one.next('gone')).peer, 3)
  })

  test('a peer that breaks off is told like any death, though its process lives, and can be buried', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    const { presence } = presenceHere(t, file)
    await presence.arrive(3, [1, 2])
    await one.next('rang')
    two.tell({ do: 'breakOff' })
    assert.deepEqual(await one.next('gone'), { event: 'gone', peer: 2, probe: 'dead' })
    await two.next('broken off')
    assert.deepEqual([presence.probe(2), await two.probe(2), two.child.exitCode], ['dead', 'dead', null])
    presence.bury(2)
    assert.equal(presence.probe(2), 'unknown')
  })

  test('presence alone does not keep a process alive', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const two = await PeerProcess.arrived(t, file, 2, [1])
    await one.next('rang')
    two.tell({ do: 'disconnect' })
    assert.deepEqual(await two.exited, [0, null])
    assert.equal((await one.next('gone')).peer, 2)
  })

  test('a worker of node:cluster listens by itself: nobody answers for it after its death', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const one = await PeerProcess.arrived(t, file, 1)
    const primary = await PeerProcess.arrived(t, file, 2, [1], 'presence-cluster.ts')
    await one.next('rang')
    primary.tell({ do: 'disconnect' })
    assert.deepEqual(await one.next('gone'), { event: 'gone', peer: 2, probe: 'dead' })
    // A dying process closes one socket after the other; the one it listened on is closed in the end.
    await until(t, async () => (await answerOf(join(`${file}.d`, '2.sock'))) === 'ECONNREFUSED')
    assert.equal(primary.child.exitCode, null)
  })
})

describe('a peer that is stopped', BOUNDED, () => {
  test('is alive, costs one byte of memory however often it is rung, and hears it when it goes on', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const peer = await PeerProcess.arrived(t, file, 2)
    const sockets = socketsOpened(t)
    const { presence } = presenceHere(t, file)
    await presence.arrive(3, [2])
    assert.equal(sockets.length, 1)
    peer.child.kill('SIGSTOP')
    // The kernel takes a few hundred bytes for a peer; what it does not take stays here.
    await until(t, () => {
      presence.ring()
      return sockets[0]?.writableLength !== 0
    })
    for (let rings = 0; rings < 1_000; rings++) {
      presence.ring()
      await nextTurn()
    }
    assert.equal(sockets[0]?.writableLength, 1)
    assert.equal(presence.probe(2), 'alive')
    peer.forget()
    peer.child.kill('SIGCONT')
    await peer.next('rang')
  })

  test('does not hold up those who arrive or leave', async (t) => {
    const file = join(temporaryFolder(t), 'tasks.db')
    const peer = await PeerProcess.arrived(t, file, 2)
    peer.child.kill('SIGSTOP')
    const { presence } = presenceHere(t, file)
    await presence.arrive(3, [2])
    presence.ring()
    await presence.leave()
  })
})

/** What happens to somebody who calls there: `connect`, or the code of the error. */
async function answerOf(address: string): Promise<string> {
  const socket = connect(address)
  try {
    await once(socket, 'connect')
    return 'connect'
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  } finally {
    socket.destroy()
  }
}

/** Every socket that this process connects from now on. */
function socketsOpened(t: TestContext): readonly Socket[] {
  const sockets: Socket[] = []
  const note = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket)
  subscribe('net.client.socket', note)
  t.after(() => void unsubscribe('net.client.socket', note))
  return sockets
}
