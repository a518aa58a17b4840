/** The bug zoo itself: every plant fits the sources as they are. That each is caught is tested lane by lane. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { edited, mayChange, type Plant } from '../../proof/zoo/plant.ts'
import { ZOO } from '../../proof/zoo/zoo.ts'

const root = join(import.meta.dirname, '../..')
const PLANT: Plant = {
  name: 'drop-the-guard',
  says: 'A change names no worker.',
  seenIn: 'nowhere',
  lane: 'model',
  edits: [{ file: 'src/a.ts', find: 'worker = ? AND ', replace: '' }],
}

describe('the bug zoo', () => {
  test('has no two plants of one name', () => {
    const names = ZOO.map(({ name }) => name)
    assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted())
  })

  test('has plants only that fit the sources as they are', () => {
    for (const plant of ZOO) {
      assert.notDeepEqual(plant.edits, [], `${plant.name} changes nothing`)
      for (const { file } of plant.edits) {
        assert.ok(mayChange(plant, file), `${plant.name} changes ${file}, which is not its to change`)
        const source = readFileSync(join(root, file), 'utf8')
        assert.notEqual(edited(plant, file, source), source, `${plant.name} changes nothing in ${file}`)
      }
    }
  })

  test('changes nothing but the sources, and for the model the protocol that it explores', () => {
    const lanes = ['model', 'sim', 'crash', 'power'] as const
    const may = (file: string) => lanes.filter((lane) => mayChange({ lane }, file))
    assert.deepEqual(may('src/engine/journal.ts'), lanes)
    assert.deepEqual(may('proof/model/protocol.ts'), ['model'])
    assert.deepEqual(may('proof/model/invariants.ts'), [])
    assert.deepEqual(may('test/proof/plants.test.ts'), [])
  })

  test('changes the text that a plant names, in its file only', () => {
    assert.equal(edited(PLANT, 'src/a.ts', 'WHERE worker = ? AND claims = ?'), 'WHERE claims = ?')
    assert.equal(edited(PLANT, 'src/b.ts', 'WHERE worker = ? AND claims = ?'), 'WHERE worker = ? AND claims = ?')
  })

  test('refuses a plant whose text is not there, or is there twice', () => {
    const message = /The plant "drop-the-guard" wants to change "worker = \? AND " in src\/a\.ts, where it stands/
    assert.throws(() => edited(PLANT, 'src/a.ts', 'WHERE claims = ?'), message)
    assert.throws(() => edited(PLANT, 'src/a.ts', 'worker = ? AND worker = ? AND '), message)
  })
})
