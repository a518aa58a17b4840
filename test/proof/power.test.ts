/**
 * The lane `power` on the sources as they are: nothing may be lost, and what it says of itself is true. That it finds
 * what it has to find is tried in power-plants.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runPower } from './power.ts'

describe('a power cut', { concurrency: 2 }, () => {
  for (const mode of ['inline', 'async']) {
    test(`takes no task that was acknowledged as safe from it, and leaves a sound file (${mode})`, async (t) => {
      const { code, facts, complained } = await runPower(
        '--part',
        'images',
        '--mode',
        mode,
        '--images',
        '252',
        '--json',
      )
      assert.equal(code, 0, complained)
      assert.ok(facts !== undefined)
      t.diagnostic(`seed ${facts.seed}: ${facts.images} images, ${facts.acknowledged} tasks acknowledged`)
      if (facts.skipped.length > 0) return t.skip(facts.skipped[0])
      assert.deepEqual([facts.lost, facts.corrupt, facts.violations], [0, 0, 0])
      assert.ok(facts.images >= 252 && facts.cut_points >= 63 && facts.acknowledged > 100 && facts.drained > 0)
      const controls = Object.entries(facts.controls)
      assert.deepEqual(controls.map(([name]) => name).toSorted(), [
        `control-lying-disk-${mode}`,
        `control-no-sync-${mode}`,
      ])
      for (const [name, { lost }] of controls) assert.ok(lost > 0, `${name} shows no loss`)
    })
  }
})

describe('a call to the disk that fails', () => {
  test('comes out as a coded error, whichever call it is, and takes nothing that was acknowledged', async (t) => {
    const { code, facts, complained } = await runPower(
      '--part',
      'faults',
      '--mode',
      'async',
      '--fault',
      'eio',
      '--json',
    )
    assert.equal(code, 0, complained)
    assert.ok(facts !== undefined)
    if (facts.skipped.length > 0) return t.skip(facts.skipped[0])
    assert.ok(facts.fault_points > 100, `only ${facts.fault_points} calls failed`)
    assert.equal(facts.violations, 0)
  })
})

describe('npm run power', { concurrency: 2 }, () => {
  const refused = {
    '--images 0': /^--images is "0"; it takes a whole number from 1 to 10000000\.\n$/,
    '--images many': /^--images is "many"/,
    '--seed -1': /--seed/,
    '--mode sometimes': /^--mode is "sometimes"; it takes inline, async or both\.\n$/,
    '--plant drop-commit': /^--plant is "drop-commit"; the faults of this lane are no-sync, /,
    '--fault fire': /^--fault is "fire"; it takes eio, enospc, short, eintr or all\.\n$/,
    '--recording nowhere': /^--recording is nowhere; no failed run kept anything there\.\n$/,
    '--image 5': /^Unknown option '--image'/,
  }
  for (const [args, message] of Object.entries(refused)) {
    test(`refuses ${args} in one line and exits with 2`, async () => {
      const { code, said, complained } = await runPower(...args.split(' '))
      assert.deepEqual([code, said], [2, ''])
      assert.match(complained, message)
      assert.equal(complained.trimEnd().split('\n').length, 1)
    })
  }
})
