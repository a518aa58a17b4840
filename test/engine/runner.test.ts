/** Starting claimed tasks: when, in which order, and how much of a turn of the event loop they take. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { Ending } from '../../src/engine/attempt.ts'
import { EventHub } from '../../src/engine/event-hub.ts'
import type { Journal, OutcomeEntry } from '../../src/engine/journal.ts'
import { Lane } from '../../src/engine/lane.ts'
import { Registry } from '../../src/engine/registry.ts'
import { Runner } from '../../src/engine/runner.ts'
import type { AbortReason, AnyTaskDefinition, TaskContext } from '../../src/model/definition.ts'
import type { ClaimedTask, Outcome } from '../../src/model/task.ts'
import { fixedChance, gate, SILENT } from '../support/bench.ts'
import { claimedTask } from '../support/claimed-task.ts'
import { FakeClock, turn } from '../support/fake-clock.ts'
import { NO_ADDITIONS, NO_SESSIONS } from '../support/no-sessions.ts'

const claimed = (id: string, of: Partial<ClaimedTask> = {}): ClaimedTask =>
  claimedTask({ id, input: { format: 0, text: JSON.stringify(id) }, ...of })

/** A runner whose outcomes the test records, or not. */
function scene(run: (id: string, context: TaskContext) => unknown, concurrency = 2, name = 'greet') {
  const clock = new FakeClock()
  const outcomes: {
    readonly outcome: Outcome
    readonly hurry: boolean
    readonly done: (recorded: boolean | undefined) => void
  }[] = []
  const recorded: [id: string, ending: Exclude<Ending, string>['move']][] = []
  const heard: string[] = []
  const hub = new EventHub((_, error) => assert.ifError(error))
  for (const event of ['attempt:start', 'attempt:end', 'attempt:failed', 'attempt:abandoned', 'claim:lost'] as const) {
    hub.on(event, ({ attempt }) => heard.push(`${event} ${attempt.id}`))
  }
  const marks: (() => void)[] = []
  const journal = {
    begun: (_: ClaimedTask, start: () => void) => void marks.push(start),
    finish: (entry: OutcomeEntry, hurry: boolean) =>
      void outcomes.push({ outcome: entry.outcome, done: (recorded) => entry.recorded(recorded), hurry }),
    progress: () => undefined,
  }
  const lane = new Lane('default', concurrency)
  const hungry = { calls: 0 }
  const definition: AnyTaskDefinition = defineTask({ name, run })
  const runner = new Runner({
    registry: new Registry([definition]),
    rules: {
      clock,
      chance: fixedChance(0),
      retry: { attempts: 3, baseMs: 1, capMs: 1 },
      timeoutMs: undefined,
      abandonMs: 5_000,
      resultBytesMax: 1_000,
    },
    hub,
    logger: SILENT,
    lanes: new Map([['default', lane]]),
    progressBytesMax: 1_000,
    keepsSucceeded: true,
    journal: () => journal as unknown as Journal,
    incarnation: () => 7,
    hungry: () => void hungry.calls++,
    releasing: () => undefined,
    recorded: ({ task, outcome }) => void recorded.push([task.id, outcome.move]),
    awaited: (id) => id === 'awaited',
    sessions: NO_SESSIONS,
    additions: () => NO_ADDITIONS,
    joined: () => undefined,
  })
  return { runner, clock, lane, outcomes, recorded, heard, hungry, marks }
}

describe('claimed tasks', () => {
  test('start on a later turn of the event loop, as many as there are places', async () => {
    const ran: string[] = []
    const { runner, clock, lane } = scene((id) => {
      ran.push(id)
      return new Promise(() => undefined)
    })
    runner.take(['a', 'b', 'c'].map((id) => claimed(id)))
    assert.deepEqual(ran, [])
    await clock.settle()
    assert.deepEqual([ran, lane.running, lane.waiting], [['a', 'b'], 2, 1])
  })

  test('start when a place is free, in the very turn in which it becomes free', async () => {
    const open = gate()
    const ran: string[] = []
    const { runner, clock } = scene((id) => {
      ran.push(id)
      return id === 'a' ? open.opened : undefined
    }, 1)
    runner.take(['a', 'b', 'c'].map((id) => claimed(id)))
    await clock.settle()
    open.open()
    await Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => Promise.resolve())
    assert.deepEqual(ran, ['a', 'b', 'c'])
  })

  test('that end at once leave the loop its turns: no more than 1024 start in one', async () => {
    const counts: number[] = []
    let count = 0
    const { runner } = scene(() => void count++)
    runner.take(Array.from({ length: 5_000 }, (_, i) => claimed(`${i}`)))
    for (let turns = 0; turns < 10; turns++) {
      await turn()
      counts.push(count)
    }
    assert.equal(count, 5_000)
    assert.equal(Math.max(...counts.map((n, i) => n - (counts[i - 1] ?? 0))) <= 1_024, true)
  })

  test('that take long leave the loop its turns, too: after 5 ms others come first', async () => {
    let count = 0
    const { runner, clock } = scene(() => {
      count++
      clock.freeze(1)
    })
    runner.take(Array.from({ length: 100 }, (_, i) => claimed(`${i}`)))
    await turn()
    await turn()
    assert.equal(count > 0 && count <= 32, true)
    await clock.settle()
    assert.equal(count, 100)
  })

  test('leave room as they end: the worker is asked for more', async () => {
    const { runner, clock, hungry } = scene(() => undefined)
    runner.take([claimed('a')])
    await clock.settle()
    assert.equal(hungry.calls > 0, true)
  })

  test('have their outcomes hurried when somebody waits: for the result, or behind them in a series', async () => {
    const { runner, clock, outcomes } = scene(() => undefined)
    runner.take([claimed('a'), claimed('awaited'), claimed('c', { series: 'c' })])
    await clock.settle()
    assert.deepEqual(
      outcomes.map(({ outcome, hurry }) => [outcome.id, hurry]),
      [
        ['a', false],
        ['awaited', true],
        ['c', true],
      ],
    )
  })

  test('tell of their end when it is recorded, and of a lost claim when it is not', async () => {
    const { runner, clock, outcomes, heard, recorded } = scene(() => undefined)
    runner.take([claimed('a'), claimed('b')])
    await clock.settle()
    assert.deepEqual(heard, ['attempt:start a', 'attempt:start b'])
    outcomes[0]!.done(true)
    outcomes[1]!.done(false)
    assert.deepEqual(heard.slice(2), ['attempt:end a', 'claim:lost b'])
    assert.deepEqual(recorded, [['a', 'succeed']])
  })

  test('tell nothing when the store is gone', async () => {
    const { runner, clock, outcomes, heard } = scene(() => undefined)
    runner.take([claimed('a')])
    await clock.settle()
    outcomes[0]!.done(undefined)
    assert.deepEqual(heard, ['attempt:start a'])
  })
})

describe('a runner', () => {
  test('is quiet when nothing runs and every outcome is stored', async () => {
    const open = gate()
    const { runner, clock, outcomes } = scene(() => open.opened)
    runner.take([claimed('a')])
    await clock.settle()
    let quiet = false
    void runner.quiet().then(() => (quiet = true))
    open.open()
    await clock.settle()
    assert.deepEqual([quiet, runner.busy], [false, 1])
    outcomes[0]!.done(true)
    await clock.settle()
    assert.deepEqual([quiet, runner.busy, runner.finished], [true, 0, 1])
  })

  test('that starts no more tells what waits among its claims, and starts nothing of it', async () => {
    const open = gate()
    const { runner, clock, heard } = scene(() => open.opened, 1)
    runner.take([claimed('a'), claimed('b')])
    await clock.settle()
    runner.stopStarting()
    runner.take([claimed('c')])
    assert.deepEqual(runner.claims(), ['b', 'c', 'a'])
    open.open()
    await clock.settle()
    assert.deepEqual(runner.claims(), ['b', 'c'])
    assert.deepEqual(
      heard.filter((each) => each.startsWith('attempt:start')),
      ['attempt:start a'],
    )
  })

  test('that starts no more does not start what waits for its beginning to be written, either', async () => {
    const ran: string[] = []
    const { runner, clock, outcomes, marks } = scene((id) => ran.push(id))
    runner.take([claimed('a', { early: true, suspect: true })])
    await clock.settle()
    runner.stopStarting()
    marks[0]!()
    assert.deepEqual([ran, outcomes, runner.busy, runner.claims()], [[], [], 0, ['a']])
  })

  test('that lost its claims tells its attempts, forgets what waits, and records nothing', async () => {
    const reasons: string[] = []
    const { runner, clock, outcomes, heard, lane } = scene(async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      reasons.push((signal.reason as AbortReason).kind)
    }, 1)
    runner.take([claimed('a'), claimed('b')])
    await clock.settle()
    assert.deepEqual(runner.loseClaims(), ['b', 'a'])
    await clock.settle()
    assert.deepEqual([reasons, outcomes, lane.running, lane.waiting], [['claim-lost'], [], 0, 0])
    assert.deepEqual(heard, ['attempt:start a', 'claim:lost a'])
  })

  test('may run a task again whose former attempt, of a lost claim, has not ended', async () => {
    const gates = [gate<string>(), gate<string>()]
    const { runner, clock, outcomes } = scene((_, { attempt }) => gates[attempt - 1]!.opened)
    runner.take([claimed('a')])
    await clock.settle()
    runner.loseClaims()
    runner.take([claimed('a', { claims: 2 })])
    await clock.settle()
    gates[0]!.open('a ghost')
    await clock.settle()
    assert.deepEqual(
      [...runner.attempts.values()].map(({ task }) => task.claims),
      [2],
    )
    gates[1]!.open('the right one')
    await clock.settle()
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome.claims),
      [2],
    )
  })

  test('forgets a cancel that came too late', async () => {
    const ran: number[] = []
    const { runner, clock, outcomes } = scene((_, { attempt }) => void ran.push(attempt))
    runner.take([claimed('a')])
    await clock.settle()
    runner.cancel('a')
    outcomes[0]!.done(true)
    runner.take([claimed('a', { claims: 2 })])
    await clock.settle()
    assert.deepEqual(ran, [1, 2])
  })
})
