/**
 * The model of the protocol, at its small scope: what holds there, and that each part of it which says so can also say the
 * opposite. That it finds planted faults is tested in zoo.test.ts.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { Exploration } from '../../proof/model/explore.ts'
import { stateFault, stepFault } from '../../proof/model/invariants.ts'
import { LiveStore } from '../../proof/model/live-store.ts'
import { stuckStates } from '../../proof/model/liveness.ts'
import { Packing } from '../../proof/model/packed.ts'
import { PROTOCOL } from '../../proof/model/protocol.ts'
import { IllegalMove, moved } from '../../proof/model/rows.ts'
import { explore } from '../../proof/model/run.ts'
import { SCOPES } from '../../proof/model/scopes.ts'
import { StateTable } from '../../proof/model/state-table.ts'
import { initialState, type Row, type State } from '../../proof/model/state.ts'
import type { Step } from '../../proof/model/step.ts'
import { type Move, MOVES, type TaskState } from '../../src/model/task-state.ts'

const MAIN = join(import.meta.dirname, '../../proof/model/main.ts')
const run = promisify(execFile)
const [WRONG] = SCOPES.small.safety

describe('the model', () => {
  for (const scope of SCOPES.small.safety) {
    test(`keeps every invariant whoever is taken for dead: ${scope.says}`, async () => {
      const { violation, states } = await explore('safety', scope)
      assert.equal(violation, undefined)
      assert.ok(states > 200)
    })
  }

  for (const scope of SCOPES.small.liveness) {
    test(`has a way to an end from every state: ${scope.says}`, async () => {
      const { violation, stuck, zombies } = await explore('liveness', scope)
      assert.deepEqual({ violation, stuck, zombies }, { violation: undefined, stuck: 0, zombies: 0 })
    })
  }

  test('reaches states in which a fenced attempt still runs beside the one that took its place', async () => {
    assert.ok((await explore('safety', WRONG)).zombies > 0)
  })

  test('visits at least 20,000 states in the first world of the default scope', async () => {
    const { violation, states } = await explore('safety', SCOPES.default.safety[0])
    assert.equal(violation, undefined)
    assert.ok(states > 20_000)
  })

  test('takes no move that the table of moves does not have', () => {
    const moves = Object.values(MOVES).flatMap((moves) => Object.keys(moves) as Move[])
    for (const [from, known] of Object.entries(MOVES) as [TaskState, Partial<Record<Move, TaskState>>][]) {
      for (const move of moves) {
        if (known[move] === undefined) assert.throws(() => moved(from, move), IllegalMove)
        else assert.equal(moved(from, move), known[move])
      }
    }
    assert.throws(() => moved('absent', 'claim'), IllegalMove)
    assert.throws(() => moved('gone', 'requeue'), IllegalMove)
  })

  test('finds the way to a state again, and no shorter one exists than the length it was met at', () => {
    const graph = new Exploration({ scope: WRONG, protocol: PROTOCOL, mode: 'safety' }).run(false)
    let longest = 0
    for (let index = 0; index < graph.states; index += 97) {
      const { length } = graph.trace(index)
      assert.ok(length >= longest, 'states are met in the order of their distance')
      longest = length
    }
    assert.ok(longest > 5)
  })

  test('says that a state is stuck when nothing leads on from it', () => {
    // The tasks of a worker that lives and never ends are left alone by a perfect reaper.
    const protocol = { ...PROTOCOL, unknownFinish: 'counts as recorded' } as const
    const graph = new Exploration({ scope: SCOPES.small.liveness[1], protocol, mode: 'liveness' }).run(true)
    assert.equal(graph.violation, undefined)
    assert.ok(stuckStates(graph).length > 0)
  })
})

describe('an invariant', () => {
  /** A state in which worker 1 runs task 1 under its first claim. */
  function running(change: Partial<Row> = {}): State {
    const state = initialState(SCOPES.default.safety[1])
    Object.assign(state.rows[0]!, { state: 'running', owner: 1, claims: 1, ...change })
    Object.assign(state.workers[0]!.attempts[0]!, { phase: 'running', claims: 1 })
    return state
  }

  const ended = { state: 'succeeded', owner: 0, ends: 1, effects: 1 } as const
  const broken: readonly (readonly [Partial<Row>, RegExp])[] = [
    [{ ...ended, effects: 2 }, /^C5: .* committed 2 times/],
    [{ ...ended, effects: 0 }, /^C5: it succeeded without/],
    [{ effects: 1 }, /^C5: its effects are committed while it is running/],
    [{ owner: 0 }, /^C15: it is running and its owner is 0/],
    [{ owner: 3 }, /^C15: its owner, worker 3, is not registered/],
    [{ ...ended, early: true }, /^C15: .* ahead of its turn/],
    [{ state: 'ready', owner: 0, ends: 1, cancelling: true }, /^C15: .* waits for its cancel/],
    [{ state: 'waiting', owner: 0, ends: 1 }, /^C6: it waits behind nobody/],
    [{ claims: 2 }, /^C9: 2 claims, but 0 of them ended/],
    [{ claims: 4, crashes: 3 }, /^C9: it is running after 3 crashes/],
    [{ state: 'quarantined', owner: 0, crashes: 1 }, /^C9: it was put aside after 1/],
    [{ state: 'failed', owner: 0, claims: 2, ends: 2 }, /^C9: 2 attempts ended where 1/],
    [{ owner: 2 }, /^C4: worker 1 is not fenced and runs task 1/],
  ]

  test('holds in a state like any other', () => {
    assert.equal(stateFault(running(), SCOPES.default.safety[1]), undefined)
  })

  for (const [change, message] of broken) {
    test(`is broken by ${JSON.stringify(change)}`, () => {
      assert.match(stateFault(running(change), SCOPES.default.safety[1]) ?? 'nothing', message)
    })
  }

  const due: Step = { verb: 'due', worker: 1 }
  const commit: Step = { verb: 'commit', worker: 1, task: 0, room: 'none' }
  const steps: readonly (readonly [string, State, Step, State, RegExp])[] = [
    ['a change of what has ended', running(ended), due, running(), /^C3: it was succeeded, and changed/],
    [
      'a change of what somebody holds',
      running(),
      due,
      running({ state: 'ready', owner: 0 }),
      /^C4: it was held by worker 1/,
    ],
    ['an outcome that its holder could not record', running(), commit, running(), /^C1: the outcome of a held claim/],
    [
      'effects of a finish that was refused',
      running({ owner: 2 }),
      commit,
      running({ owner: 2, effects: 1 }),
      /^C4|^C5/,
    ],
  ]
  for (const [what, before, step, after, message] of steps) {
    test(`is broken by ${what}`, () => assert.match(stepFault(before, step, after) ?? 'nothing', message))
  }

  test('is broken by a task that overtakes the one before it', () => {
    const [before, after] = [running(), running()]
    before.rows[1]!.state = 'waiting'
    after.rows[1]!.state = 'ready'
    assert.match(stepFault(before, due, after) ?? 'nothing', /^C6: it started before/)
  })
})

describe('the states of the model', () => {
  test('are the same after they were packed and unpacked', () => {
    const graph = new Exploration({ scope: WRONG, protocol: PROTOCOL, mode: 'safety' }).run(false)
    for (let index = 0; index < graph.states; index++) assert.equal(graph.indexOf(graph.state(index)), index)
  })

  test('refuse a number that has outgrown its bits', () => {
    const packing = new Packing(WRONG)
    const state = initialState(WRONG)
    state.rows[0]!.claims = 16
    assert.throws(() => packing.pack(state, new Uint8Array(packing.bytes), 0), /the scope is too large/)
  })

  test('are found again among many', () => {
    const table = new StateTable(3)
    const key = (n: number) => Uint8Array.of(n & 255, (n >> 8) & 255, n >> 16)
    for (let n = 0; n < 20_000; n++) assert.equal(table.indexOf(key(n)), n)
    for (let n = 0; n < 20_000; n += 7) assert.equal(table.indexOf(key(n)), n)
    assert.equal(table.size, 20_000)
  })
})

describe('the store beside the model', () => {
  test('holds after a restore what it held before', async () => {
    const live = await LiveStore.open()
    const empty = live.snapshot()
    await live.know(1)
    const one = live.snapshot()
    live.restore(empty)
    assert.deepEqual(live.snapshot(), empty)
    live.restore(one)
    assert.deepEqual(live.snapshot(), one)
    assert.notDeepEqual(one, empty)
    await live.close()
  })
})

describe('npm run model', () => {
  const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
    [['--scope', 'huge'], /^--scope must be one of small, default, large; got "huge"\./],
    [['--mode', 'fast'], /^--mode must be one of safety, liveness, store, all; got "fast"\./],
    [['--plant', 'nobody'], /^--plant must be one of .*; got "nobody"\./],
    [['--fast'], /Unknown option '--fast'/],
  ]
  for (const [args, message] of wrong) {
    test(`exits with 2 and says why: ${args.join(' ')}`, async () => {
      const failed = await run(process.execPath, [MAIN, ...args]).catch((error: unknown) => error)
      const { code, stderr } = failed as { code: number; stderr: string }
      assert.equal(code, 2)
      assert.match(stderr, message)
    })
  }
})
