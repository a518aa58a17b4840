/** Each fault that is planted for the lane `power` makes it red, for the right reason. */
import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { POWER_PLANTS } from '../../proof/zoo/power-plants.ts'
import { runPower } from './power.ts'

/** What has to be found, and with which arguments it can be. */
const CAUGHT: Readonly<Record<string, readonly [kind: string, args: string]>> = {
  'no-sync': ['lost', '--part images --mode inline'],
  // Few moments show these: a cut within a sync, and one between its end and the next one, after a group that shared it. The recording is
  // of real syncs, so it is never the same: with 300 images 2 to 18 of 75 cuts showed it, and once none.
  'acknowledge-before-sync': ['lost', '--images 900 --part images --mode async'],
  'share-the-sync-under-way': ['lost', '--images 900 --part images --mode async'],
  'sync-before-commit': ['lost', '--part images --mode inline'],
  'power-as-process': ['lost', '--part images --mode inline'],
  'folder-not-synced': ['lost', '--part images --mode inline'],
  'retry-after-sync-error': ['unstopped', '--part faults --mode inline --fault eio'],
  'retire-with-claims': ['inconsistent', '--part faults --mode inline --fault enospc'],
}

/** Small, and always the same choice of moments. */
const SMALL = '--images 80 --seed 7 --json'

describe('the lane power', { concurrency: 2 }, () => {
  test('has a reason to be caught for each of its plants', () => {
    assert.deepEqual(POWER_PLANTS.map(({ name }) => name).toSorted(), Object.keys(CAUGHT).toSorted())
  })

  for (const [plant, [kind, args]] of Object.entries(CAUGHT)) {
    test(`finds ${plant}`, async (t) => {
      const { code, facts, complained } = await runPower(...`${SMALL} ${args} --plant ${plant}`.split(' '))
      if (facts !== undefined && facts.skipped.length > 0) return t.skip(facts.skipped[0])
      assert.equal(code, 1, complained)
      assert.deepEqual(Object.keys(facts?.kinds ?? {}), [kind])
      assert.match(complained, /To run all of it again: npm run power -- .*--seed 7$/m)
      const [, recording] = /--recording (\S+)/.exec(complained) ?? []
      if (recording === undefined) return
      t.after(() => rmSync(dirname(recording), { recursive: true }))
      if (plant === 'no-sync') await assertKept(recording)
    })
  }

  /** The recording of a red run is kept, with the first bad images, and shows the same again. */
  async function assertKept(recording: string): Promise<void> {
    assert.ok(existsSync(join(recording, 'bad')))
    const { code, facts } = await runPower('--recording', recording, '--json')
    assert.equal(code, 1)
    assert.ok((facts?.lost ?? 0) > 0)
  }
})
