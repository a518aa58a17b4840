import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Block } from '../../src/model/block.ts'
import { Blocks, type BlocksListener, type Running } from '../../src/pulse/blocks.ts'
import { FakeClock } from '../support/fake-clock.ts'

const RESIZE: Running = { by: 'task', name: 'resize', taskId: 'id-1', requestId: undefined }

function blocks(who: () => Running = () => RESIZE) {
  const clock = new FakeClock()
  const reports: Block[] = []
  const counted: [string, number][] = []
  const listener: BlocksListener = {
    report: (block) => void reports.push(block),
    counted: (name, times) => void counted.push([name, times]),
  }
  return { clock, reports, counted, blocks: new Blocks(clock, who, listener) }
}

function noteAndStand(made: Blocks, ms: number): void {
  made.note()
  made.stood(ms)
}

test('a block that was noted has the name of what ran, and where', () => {
  const { blocks: made, reports } = blocks()
  noteAndStand(made, 150)
  const [{ place, ...rest }] = reports as [Block]
  assert.match(place!, /^test[/\\]pulse[/\\]blocks\.test\.ts:\d+:\d+$/)
  assert.deepEqual(rest, { ...RESIZE, function: 'noteAndStand', ms: 150, times: 1 })
})

test('one that was not noted is unknown', () => {
  const { blocks: made, reports } = blocks()
  made.stood(150)
  assert.deepEqual([reports[0]?.by, reports[0]?.name, reports[0]?.place], ['unknown', undefined, undefined])
})

test('a note counts for one block', () => {
  const { blocks: made, reports } = blocks()
  noteAndStand(made, 150)
  made.stood(150)
  assert.deepEqual(
    reports.map(({ by }) => by),
    ['task', 'unknown'],
  )
})

test('the same culprit is reported once in ten seconds, with how often it was since', () => {
  const { blocks: made, reports, clock } = blocks()
  for (let i = 0; i < 4; i++) noteAndStand(made, 100 + i)
  clock.freeze(10_000)
  noteAndStand(made, 200)
  assert.deepEqual(
    reports.map(({ ms, times }) => [ms, times]),
    [
      [100, 1],
      [200, 4],
    ],
  )
})

test('all of them are counted, the worst first', () => {
  let running = RESIZE
  const { blocks: made } = blocks(() => running)
  noteAndStand(made, 100)
  running = { ...RESIZE, name: 'render' }
  for (let i = 1; i <= 2; i++) noteAndStand(made, i * 100)
  assert.deepEqual(
    made.counts().map(({ name, times, longestMs, totalMs }) => [name, times, longestMs, totalMs]),
    [
      ['render', 2, 200, 300],
      ['resize', 1, 100, 100],
    ],
  )
})

test('who cannot be told is unknown: asking must not break what runs', () => {
  const { blocks: made, reports } = blocks(() => {
    throw new Error('no')
  })
  noteAndStand(made, 100)
  assert.equal(reports[0]?.by, 'unknown')
})

test('memory is bounded, however many culprits there are', () => {
  let name = 0
  const { blocks: made } = blocks(() => ({ ...RESIZE, name: `task ${name++}` }))
  for (let i = 0; i < 1_500; i++) noteAndStand(made, 100)
  const counts = made.counts()
  assert.equal(counts.length <= 1_001, true)
  assert.equal(
    counts.reduce((sum, { times }) => sum + times, 0),
    1_500,
  )
})

test('how often the attempts of a definition have blocked is told each time, wherever that was', () => {
  const { blocks: made, counted } = blocks()
  noteAndStand(made, 100)
  made.stood(100)
  const elsewhere = (): void => noteAndStand(made, 100)
  elsewhere()
  assert.deepEqual(counted, [
    ['resize', 1],
    ['resize', 2],
  ])
})
