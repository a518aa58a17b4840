/** What the model of a disk says may be left after a cut, on recordings of a few happenings. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Disk, FATES, type Image } from '../../proof/power/disk.ts'
import type { Happening } from '../../proof/power/recording.ts'
import { seededChance } from '../../proof/support/chance.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const write = (file: number, offset: number, text: string): Happening => ({
  kind: 'write',
  file,
  offset,
  bytes: bytes(text),
})
const open = (file: number, path: string, created: boolean, folder = false): Happening => ({
  kind: 'open',
  file,
  path,
  created,
  folder,
})
const begin = (file: number, sync: number): Happening => ({ kind: 'sync-begin', file, sync, mainThread: true })
const end = (file: number, sync: number): Happening => ({ kind: 'sync-end', file, sync })

const OLD: Image = new Map([['data/a', bytes('old')]])
const TOP = open(9, '', false, true)
const DATA = open(8, 'data', false, true)

/** What is left of a recording that was cut at its end, as text by path. */
function left(happenings: readonly Happening[], fate: (typeof FATES)[number], seed = 1): Record<string, string> {
  const disk = new Disk(happenings, OLD)
  disk.advance(happenings.length - 1)
  const image = disk.image(fate, seededChance(seed))
  return Object.fromEntries([...image].map(([path, content]) => [path, Buffer.from(content).toString()]))
}

describe('a disk after a cut', () => {
  test('holds what was synced, and may hold nothing else', () => {
    const done = [open(1, 'data/a', false), write(1, 0, 'NEW'), begin(1, 1), end(1, 1), write(1, 3, '+')]
    assert.deepEqual(left(done, 'drop'), { 'data/a': 'NEW' })
    assert.deepEqual(left(done, 'keep'), { 'data/a': 'NEW+' })
  })

  test('may lack what was written while the sync was under way, and all of it when the sync has not ended', () => {
    const during = [open(1, 'data/a', false), write(1, 0, 'N'), begin(1, 1), write(1, 1, 'E'), end(1, 1)]
    assert.deepEqual(left(during, 'drop'), { 'data/a': 'Nld' })
    assert.deepEqual(left(during.slice(0, -1), 'drop'), { 'data/a': 'old' })
  })

  test('may lack a file that was made, synced or not, until its folder is synced', () => {
    const made = [open(1, 'data/b', true), write(1, 0, 'new'), begin(1, 1), end(1, 1)]
    assert.deepEqual(left(made, 'drop'), { 'data/a': 'old' })
    const synced = [...made, DATA, begin(8, 2), end(8, 2)]
    assert.deepEqual(left(synced, 'drop'), { 'data/a': 'old', 'data/b': 'new' })
  })

  test('may lack a folder that was made, and what is in it, until the one above is synced', () => {
    const inside: Happening[] = [
      { kind: 'make-folder', path: 'made' },
      open(1, 'made/b', true),
      open(7, 'made', false, true),
    ]
    const made = [...inside, begin(7, 1), end(7, 1)]
    assert.deepEqual(Object.keys(left(made, 'drop')), ['data/a'])
    assert.deepEqual(Object.keys(left([...made, TOP, begin(9, 2), end(9, 2)], 'drop')), ['data/a', 'made/b'])
  })

  test('may still hold what was deleted or renamed, until the folder is synced', () => {
    const gone: Happening[] = [{ kind: 'unlink', path: 'data/a' }]
    assert.deepEqual([left(gone, 'drop'), left(gone, 'keep')], [{ 'data/a': 'old' }, {}])
    const moved: Happening[] = [{ kind: 'rename', path: 'data/a', to: 'data/c' }]
    assert.deepEqual([left(moved, 'drop'), left(moved, 'keep')], [{ 'data/a': 'old' }, { 'data/c': 'old' }])
    assert.deepEqual(left([...moved, DATA, begin(8, 1), end(8, 1)], 'drop'), { 'data/c': 'old' })
  })

  test('may hold any choice of whole writes, and any choice of the sectors of one', () => {
    const writes = [open(1, 'data/a', false), write(1, 0, 'x'), write(1, 1, 'y')]
    const some = new Set(Array.from({ length: 50 }, (_, seed) => left(writes, 'some', seed)['data/a']!))
    assert.deepEqual([...some].toSorted(), ['old', 'oyd', 'xld', 'xyd'])
    const long = [open(1, 'data/a', false), write(1, 0, 'z'.repeat(1024))]
    const torn = Array.from({ length: 50 }, (_, seed) => left(long, 'torn', seed)['data/a']!.replaceAll('\0', ''))
    const sectors = ['z'.repeat(512), 'z'.repeat(1024), 'old', `old${'z'.repeat(512)}`]
    assert.deepEqual([...new Set(torn)].toSorted(), sectors.toSorted())
  })

  test('is not changed by looking at what may be left of it', () => {
    const done = [open(1, 'data/a', false), write(1, 0, 'NEW'), { kind: 'truncate', file: 1, size: 1 } as const]
    const disk = new Disk(done, OLD)
    disk.advance(done.length - 1)
    for (const fate of FATES) disk.image(fate, seededChance(1))
    assert.equal(Buffer.from(disk.image('drop', seededChance(1)).get('data/a')!).toString(), 'old')
    assert.equal(Buffer.from(OLD.get('data/a')!).toString(), 'old')
  })
})
