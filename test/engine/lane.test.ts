import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { Lane } from '../../src/engine/lane.ts'
import type { ClaimedTask } from '../../src/model/task.ts'
import { claimedTask } from '../support/claimed-task.ts'

const claimed = (id: string, priority = 0): ClaimedTask => claimedTask({ id, queue: 'mail', priority })

/** A lane in which so many tasks run and wait, and each run lasts about so long. */
function lane(
  concurrency: number,
  { running = 0, waiting = 0, runMs }: { running?: number; waiting?: number; runMs?: number } = {},
): Lane {
  const made = new Lane('mail', concurrency)
  made.running = running
  for (let i = 0; i < waiting; i++) made.push(claimed(`${i}`))
  if (runMs !== undefined) for (let i = 0; i < 200; i++) made.measured(runMs)
  return made
}

const ids = (tasks: readonly ClaimedTask[]): string[] => tasks.map(({ id }) => id)

describe('the turn of a task', () => {
  test('is by priority, and then by arrival, whatever comes and goes in between', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant('shift' as const)), { maxLength: 300 })
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new Lane('mail', 1)
        const model: ClaimedTask[] = []
        for (const [at, step] of all.entries()) {
          if (step === 'shift') {
            model.sort((a, b) => b.priority - a.priority || Number(a.id) - Number(b.id))
            assert.equal(queue.shift(), model.shift())
          } else {
            const task = claimed(`${at}`, step)
            queue.push(task)
            model.push(task)
          }
          assert.equal(queue.waiting, model.length)
        }
      }),
    )
  })

  test('of nobody comes when nobody waits', () => {
    assert.equal(lane(1).shift(), undefined)
  })
})

describe('the room of a lane', () => {
  test('is its free places and those that would be free soon: at first ten runs for each', () => {
    assert.equal(lane(2).room, 22)
  })

  test('shrinks with what runs and what waits', () => {
    assert.equal(lane(2, { running: 2, waiting: 5 }).room, 15)
  })

  test('is large when runs are short, and bounded however short they are', () => {
    assert.deepEqual(
      [lane(1, { runMs: 0.9 }).room, lane(1, { runMs: 0 }).room, lane(100, { runMs: 0 }).room],
      [112, 1_001, 1_100],
    )
  })

  test('is no more than the places when runs are long', () => {
    assert.equal(lane(3, { runMs: 60_000 }).room, 3)
  })

  test('learns from the last runs', () => {
    const learning = lane(1, { runMs: 1 })
    for (let i = 0; i < 50; i++) learning.measured(1_000)
    assert.equal(learning.room, 1)
  })

  test('is taken by tasks whose responses are open for adds only', () => {
    const open = lane(1)
    open.held = 11
    assert.deepEqual([open.room, open.takesAdds], [11, false])
    open.held = 10
    assert.equal(open.takesAdds, true)
  })
})

describe('the surplus of a lane', () => {
  test('is nothing while there is room', () => {
    assert.deepEqual(lane(1, { waiting: 5 }).surplus(), [])
  })

  test('is what waits beyond the room, the last first to go', () => {
    const slow = lane(1, { running: 1, waiting: 5, runMs: 40 })
    assert.deepEqual(ids(slow.surplus()), ['2', '3', '4'])
    assert.deepEqual([slow.waiting, slow.room], [2, 0])
  })

  test('is all that waits when nothing got a place between two looks', () => {
    const stuck = lane(1, { running: 1, waiting: 5 })
    stuck.lookForStall()
    assert.deepEqual(stuck.surplus(), [])
    stuck.lookForStall()
    assert.equal(stuck.surplus().length, 5)
    assert.equal(stuck.room, 0)
  })

  test('is nothing while tasks get their turn', () => {
    const busy = lane(1, { running: 1, waiting: 5 })
    for (let i = 0; i < 3; i++) {
      busy.lookForStall()
      assert.deepEqual(busy.surplus(), [])
      assert.ok(busy.shift())
    }
  })

  test('is nothing in a lane that is merely idle', () => {
    const idle = lane(2)
    for (let i = 0; i < 3; i++) idle.lookForStall()
    assert.equal(idle.room, 22)
  })

  test('is all that waits in a paused lane', () => {
    const paused = lane(2, { running: 1, waiting: 3 })
    paused.paused = true
    assert.deepEqual([paused.hasFreePlace, paused.takesAdds], [false, false])
    assert.equal(paused.surplus().length, 3)
    assert.equal(paused.room <= 0, true)
  })
})

test('clearing a lane gives all that waits, in the order of its turn', () => {
  const full = lane(1, { waiting: 3 })
  assert.ok(full.shift())
  assert.deepEqual([ids(full.clear()), full.waiting, full.shift()], [['1', '2'], 0, undefined])
})

describe('a task that is parked in a lane, because no thread is free', () => {
  /** Two that are parked, and three behind them. */
  const parked = (concurrency = 4): Lane => {
    const made = lane(concurrency, { waiting: 5 })
    for (let turn = 7; turn < 9; turn++) made.park(made.shift()!, turn)
    return made
  }

  test('waits there like the others, and takes no place', () => {
    const full = parked()
    assert.deepEqual([full.waiting, full.turns, full.parkedTurn, full.hasFreePlace], [5, 3, 7, true])
    assert.equal(full.room, lane(4, { waiting: 5 }).room)
  })

  test('is taken in the order of its turn, and overtaken by others', () => {
    const full = parked()
    assert.deepEqual([full.shift()?.id, full.unpark().id, full.parkedTurn], ['2', '0', 8])
    assert.deepEqual([full.unpark().id, full.parkedTurn, full.waiting], ['1', undefined, 2])
  })

  test('is surplus after those whose turn has not come', () => {
    const slow = parked(1)
    for (let i = 0; i < 200; i++) slow.measured(10_000)
    assert.deepEqual(ids(slow.surplus()), ['1', '2', '3', '4'])
    assert.deepEqual([slow.waiting, slow.unpark().id], [1, '0'])
  })

  test('is given up before the others when the lane is cleared', () => {
    const full = parked()
    assert.deepEqual([ids(full.clear()), full.waiting, full.parkedTurn], [['0', '1', '2', '3', '4'], 0, undefined])
  })
})
