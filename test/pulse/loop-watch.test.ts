import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cells } from '../../src/pulse/cells.ts'
import { LoopWatch } from '../../src/pulse/loop-watch.ts'
import { FakeClock } from '../support/fake-clock.ts'

function watch(isBusy = false, isDebugged = false) {
  const clock = new FakeClock()
  const cells = new Cells()
  const stood: number[] = []
  const parts = { clock, cells, turnMs: 25, limitMs: 100 }
  const made = new LoopWatch({
    ...parts,
    isBusy: () => isBusy,
    isDebugged: () => isDebugged,
    stood: (ms) => void stood.push(ms),
  })
  return { watch: made, clock, cells, stood }
}

test('a loop with nothing to do has no timer, and its thread rests', async () => {
  const { watch: made, clock, cells } = watch()
  assert.equal(clock.timers, 0)
  made.active()
  assert.deepEqual([clock.timers, cells.read('awake')], [1, 1])
  await clock.advance(1_100)
  assert.deepEqual([clock.timers, cells.read('awake')], [0, 0])
  made.active()
  assert.deepEqual([clock.timers, cells.read('awake')], [1, 1])
})

test('it is watched as long as something runs, or keeps beginning', async () => {
  const busy = watch(true)
  busy.watch.active()
  await busy.clock.advance(10_000)
  assert.equal(busy.cells.read('awake'), 1)
  const served = watch()
  for (let i = 0; i < 5; i++) {
    served.watch.active()
    await served.clock.advance(900)
  }
  assert.equal(served.cells.read('awake'), 1)
})

test('every turn is shown to the thread', async () => {
  const { watch: made, clock, cells } = watch(true)
  made.active()
  const before = cells.read('turn')
  await clock.advance(100)
  assert.equal(cells.read('turn'), before + 4)
})

test('a timer that comes late tells how long the loop stood still, if its thread has seen it stand', async () => {
  const { watch: made, clock, cells, stood } = watch(true)
  made.active()
  cells.write('stillMs', 300)
  clock.freeze(325)
  await clock.advance(0)
  assert.deepEqual(stood, [300])
})

test('a thread that stood still as well has seen nothing: the process was stopped', async () => {
  const { watch: made, clock, stood } = watch(true)
  made.active()
  clock.freeze(60_000)
  await clock.advance(0)
  assert.deepEqual(stood, [])
})

test('a debugger is seen', () => {
  const { watch: made, cells } = watch(false, true)
  made.active()
  assert.equal(cells.read('debugged'), 1)
})

test('a watch that was stopped sets no timer any more', () => {
  const { watch: made, clock } = watch()
  made.active()
  made.stop()
  made.active()
  assert.equal(clock.timers, 0)
})
