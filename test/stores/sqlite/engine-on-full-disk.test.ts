/** The engine on a disk that fills up while it works: nothing that was promised is lost, and nothing needs a restart. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { defineTask } from '../../../src/index.ts'
import { bench, gate } from '../../support/bench.ts'
import { NO_MOUNT, temporaryDisk } from '../sandbox.ts'
import { fillDisk } from './full-disk.ts'

describe('a background whose disk fills up', () => {
  test('refuses adds, keeps the outcomes of what runs, and stores them when there is space again', async (t) => {
    const disk = temporaryDisk(t, 'size=3m')
    if (disk === undefined) return t.skip(NO_MOUNT)
    const door = gate()
    const slow = defineTask({ name: 'slow', run: async (n: number) => door.opened.then(() => n * 2) })
    const { background, until, events } = bench(t, { store: `sqlite:${join(disk, 'tasks.db')}`, tasks: [slow] })
    const { id } = await background.add(slow, 21)
    await until('attempt:start', id)
    const space = fillDisk(disk)
    await assert.rejects(background.add(slow, 1), { code: 'STORE_FULL' })
    await until('store:error')

    door.open()
    const { error } = await until('store:error')
    assert.equal((error as { code?: string }).code, 'STORE_FULL')
    assert.equal((await background.get(id))?.state, 'running')

    space.free()
    const { state } = await until('attempt:end', id)
    assert.equal(state, 'succeeded')
    assert.equal(await background.result(id), 42)
    const again = await background.add(slow, 4)
    assert.equal(await background.result(again.id), 8)
    assert.equal(events.all('attempt:start').length, 2)
    assert.deepEqual(events.all('store:failed'), [])
  })

  test('stops in order although nothing can be written any more', async (t) => {
    const disk = temporaryDisk(t, 'size=3m')
    if (disk === undefined) return t.skip(NO_MOUNT)
    const door = gate()
    const slow = defineTask({ name: 'slow', run: () => door.opened })
    const { background, until } = bench(t, { store: `sqlite:${join(disk, 'tasks.db')}`, tasks: [slow] })
    const { id } = await background.add(slow)
    await until('attempt:start', id)
    const space = fillDisk(disk)
    const account = await background.stop({ grace: 0 })
    assert.deepEqual(
      account.abandoned.map((attempt) => attempt.id),
      [id],
    )
    space.free()
    door.open()
  })
})
