/** One run of one task: it ends exactly once, by itself or by being given up. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import { Attempt, type Ending } from '../../src/engine/attempt.ts'
import { Lane } from '../../src/engine/lane.ts'
import type { AbortReason, AnyTaskDefinition, TaskContext } from '../../src/model/definition.ts'
import type { ClaimedTask } from '../../src/model/task.ts'
import { giveUp, retryAfter } from '../../src/model/thrown-outcome.ts'
import type { AttemptSessions } from '../../src/ports/sessions.ts'
import { fixedChance, gate, SILENT } from '../support/bench.ts'
import { claimedTask } from '../support/claimed-task.ts'
import { FakeClock, turn } from '../support/fake-clock.ts'
import { noSessions, nothingAdded, nothingKept } from '../support/no-sessions.ts'

const CLAIMED = claimedTask()

/** An attempt that was started, with all that it told of its end. */
function started(definition: AnyTaskDefinition, claimed: Partial<ClaimedTask> = {}, sessions = noSessions) {
  const clock = new FakeClock()
  const ended: { readonly ending: Ending; readonly abandoned: boolean }[] = []
  const attempt = new Attempt({ ...CLAIMED, ...claimed }, definition, new Lane('default', 1), {
    logger: SILENT,
    rules: {
      clock,
      chance: fixedChance(0.5),
      retry: { attempts: 3, baseMs: 1_000, capMs: 60_000 },
      timeoutMs: undefined,
      abandonMs: 5_000,
      resultBytesMax: 1_000,
    },
    progress: () => undefined,
    sessions,
    keeping: nothingKept,
    addition: nothingAdded,
    forgets: () => false,
    ended: (_, ending, abandoned) => void ended.push({ ending, abandoned }),
    recorded: () => undefined,
  })
  attempt.start()
  return { attempt, clock, ended, moveOf: () => moveOf(ended[0]?.ending) }
}

const moveOf = (ending: Ending | undefined): string | undefined => (typeof ending === 'string' ? ending : ending?.move)
const defined = (run: (input: string, context: TaskContext) => unknown, options: object = {}) =>
  defineTask({ name: 'greet', run, ...options })
const fails = (thrown: unknown) =>
  defined(() => {
    throw thrown
  })
const NEVER = new Promise<never>(() => undefined)

describe('an attempt', () => {
  test('of a plain function has ended when it was started', () => {
    const { ended } = started(defined((name) => `hello ${name}`))
    assert.deepEqual(
      ended.map(({ ending }) => moveOf(ending)),
      ['succeed'],
    )
  })

  test('ends once, however often a thenable calls back', async () => {
    const noisy = defined(() => {
      // oxlint-disable-next-line unicorn/no-thenable -- One that misbehaves is the point.
      return Object.defineProperty({}, 'then', {
        value: (yes: (value: unknown) => void, no: (error: unknown) => void) => {
          yes('first')
          no(new Error('second'))
          yes('third')
        },
      })
    })
    const { ended } = started(noisy)
    for (let i = 0; i < 3; i++) await turn()
    assert.deepEqual(
      ended.map(({ ending }) => moveOf(ending)),
      ['succeed'],
    )
  })

  test('ends with the outcome that a thrown value asks for', () => {
    const moves = [new Error('no'), 'no', retryAfter(5), giveUp('no')].map((thrown) => started(fails(thrown)).moveOf())
    assert.deepEqual(moves, ['retry', 'retry', 'retry', 'fail'])
  })

  test('is the last when as many have failed as the policy allows; crashes and hand-backs are not among them', () => {
    const error = new Error('no')
    assert.equal(started(fails(error), { claims: 2 }).moveOf(), 'retry')
    assert.equal(started(fails(error), { claims: 3 }).moveOf(), 'fail')
    assert.equal(started(fails(error), { claims: 3, crashes: 1 }).moveOf(), 'retry')
    assert.equal(started(fails(error), { claims: 3, handBacks: 1 }).moveOf(), 'retry')
    assert.equal(started(fails(error), { claims: 3, deferrals: 1 }).moveOf(), 'retry')
  })

  test('waits longer after each failure, not after each crash', () => {
    const wait = (claimed: Partial<ClaimedTask>): number => {
      const { ended, clock } = started(fails(new Error('no')), claimed)
      const { ending } = ended[0]!
      return typeof ending === 'object' && ending.move === 'retry' ? ending.dueAt - clock.now() : -1
    }
    assert.deepEqual([wait({}), wait({ claims: 2 }), wait({ claims: 2, crashes: 1 })], [500, 1_000, 500])
  })

  test('fails for good when its stored input cannot be read', () => {
    assert.equal(
      started(
        defined(() => 1),
        { input: { format: 0, text: '{' } },
      ).moveOf(),
      'fail',
    )
  })
})

describe('an attempt whose signal aborts', () => {
  const endings: Record<AbortReason['kind'], string> = {
    timeout: 'retry',
    cancelled: 'cancel',
    shutdown: 'handBack',
    'claim-lost': 'none',
  }
  for (const [kind, move] of Object.entries(endings) as [AbortReason['kind'], string][]) {
    test(`with "${kind}" and that throws then ends as ${move}`, async () => {
      const open = gate()
      const { attempt, moveOf: ends } = started(
        defined(() => open.opened.then(() => Promise.reject(new Error('stopped')))),
      )
      attempt.abort(kind)
      open.open()
      await turn()
      assert.equal(ends(), move)
    })
  }

  for (const kind of ['timeout', 'cancelled', 'shutdown'] as const) {
    test(`with "${kind}" and that returns then has succeeded`, async () => {
      const open = gate()
      const { attempt, moveOf: ends } = started(defined(() => open.opened))
      attempt.abort(kind)
      open.open()
      await turn()
      assert.equal(ends(), 'succeed')
    })
  }

  test('with "claim-lost" records nothing, whatever it returns', async () => {
    const open = gate()
    const { attempt, moveOf: ends } = started(defined(() => open.opened))
    attempt.abort('claim-lost')
    open.open()
    await turn()
    assert.equal(ends(), 'none')
  })

  test('keeps the first reason', () => {
    const kinds: string[] = []
    const { attempt } = started(
      defined((_, { signal }) => {
        signal.addEventListener('abort', () => kinds.push((signal.reason as AbortReason).kind))
        return NEVER
      }),
    )
    attempt.abort('cancelled')
    attempt.abort('shutdown')
    assert.deepEqual([kinds, attempt.reason], [['cancelled'], 'cancelled'])
  })

  test('shows an aborted signal also when it is first asked for afterwards', async () => {
    const open = gate()
    const seen: boolean[] = []
    const { attempt } = started(defined((_, context) => open.opened.then(() => seen.push(context.signal.aborted))))
    attempt.abort('cancelled')
    open.open()
    await turn()
    assert.deepEqual(seen, [true])
  })

  test('is given up when it goes on for too long, and ends then', async () => {
    const { attempt, clock, ended } = started(defined(() => NEVER))
    attempt.abort('cancelled')
    await clock.advance(4_999)
    assert.equal(ended.length, 0)
    await clock.advance(1)
    assert.deepEqual(
      ended.map(({ ending, abandoned }) => [moveOf(ending), abandoned]),
      [['cancel', true]],
    )
  })

  test('by a shutdown is given up by the one who shuts down, not by time', async () => {
    const { attempt, clock, ended } = started(defined(() => NEVER))
    attempt.abort('shutdown')
    await clock.advance(3_600_000)
    assert.equal(ended.length, 0)
    attempt.abandon()
    assert.deepEqual(
      ended.map(({ ending, abandoned }) => [moveOf(ending), abandoned]),
      [['handBack', true]],
    )
  })

  test('does not end a second time when it ends after it was given up', async () => {
    const open = gate()
    const { attempt, ended } = started(defined(() => open.opened))
    attempt.abort('timeout')
    attempt.abandon()
    open.open()
    await turn()
    assert.equal(ended.length, 1)
    // That is what the journal stores, a moment later.
    assert.equal(attempt.outcome.move, 'retry')
  })

  test('is not given up while its sessions are being committed: they decide what became of it', async () => {
    const committed = gate()
    const sessions: AttemptSessions = {
      handles: {},
      holdingStore: () => undefined,
      succeed: (outcome) => committed.opened.then(() => ({ kind: 'committed', outcome })),
      fail: () => Promise.resolve(undefined),
      abandon: () => Promise.resolve(),
    }
    const { attempt, clock, ended } = started(
      defined((_, { session }) => void session),
      {},
      () => sessions,
    )
    attempt.abort('cancelled')
    await clock.advance(10_000)
    assert.equal(ended.length, 0)
    committed.open()
    await turn()
    assert.deepEqual(
      ended.map(({ ending, abandoned }) => [moveOf(ending), abandoned]),
      [['succeed', false]],
    )
  })

  test('after it has ended does nothing', async () => {
    const { attempt, clock, ended } = started(defined(() => 'done'))
    attempt.abort('cancelled')
    await clock.advance(10_000)
    assert.deepEqual([ended.length, attempt.reason, clock.timers], [1, undefined, 0])
  })

  test('leaves no timer when it has ended', async () => {
    const open = gate()
    const { attempt, clock } = started(defined(() => open.opened, { timeout: '1h' }))
    assert.equal(clock.timers, 1)
    attempt.abort('cancelled')
    assert.equal(clock.timers, 1)
    open.open()
    await turn()
    assert.equal(clock.timers, 0)
  })
})

test('an attempt that is prevented ends as cancelled and never calls its function', () => {
  let calls = 0
  const clock = new FakeClock()
  const ended: [string | undefined, boolean][] = []
  const rules = {
    clock,
    chance: fixedChance(0),
    retry: { attempts: 1, baseMs: 1, capMs: 1 },
    timeoutMs: 5,
    abandonMs: 5,
    resultBytesMax: 5,
  }
  const attempt = new Attempt(
    CLAIMED,
    defined(() => calls++),
    new Lane('default', 1),
    {
      logger: SILENT,
      rules,
      progress: () => undefined,
      sessions: noSessions,
      keeping: nothingKept,
      addition: nothingAdded,
      forgets: () => false,
      ended: (_, ending, abandoned) => void ended.push([moveOf(ending), abandoned]),
      recorded: () => undefined,
    },
  )
  attempt.prevent()
  assert.deepEqual([calls, ended, clock.timers], [0, [['cancel', false]], 0])
})
