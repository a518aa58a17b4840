/** One run of one task beside the event loop, as its process sees it: when it begins to count, and what its end means. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/define-task.ts'
import type { Ending } from '../../src/engine/attempt.ts'
import { IsolatedAttempt } from '../../src/engine/isolated-attempt.ts'
import { Lane } from '../../src/engine/lane.ts'
import type { Executor, IsolatedEnd } from '../../src/ports/executor.ts'
import { fixedChance, SILENT } from '../support/bench.ts'
import { claimedTask } from '../support/claimed-task.ts'
import { FakeClock, turn } from '../support/fake-clock.ts'
import { ADDING_NOTHING, noSessions, nothingAdded, nothingKept } from '../support/no-sessions.ts'

const definition = defineTask({ name: 'greet', timeout: '1s', thread: true, retry: { attempts: 1 }, run: () => {} })
const RETURNED: IsolatedEnd = { kind: 'returned', result: undefined, unstorable: undefined, adds: [] }

/** An attempt that has begun in an isolate, whose end the test decides. */
function begun() {
  const clock = new FakeClock()
  const endings: Ending[] = []
  const isolate = Promise.withResolvers<IsolatedEnd>()
  const isolateIs = { terminated: false, used: 0 }
  const executor: Executor = {
    size: 1,
    prove: () => Promise.resolve(),
    run: () => ({
      ended: isolate.promise,
      abort: () => undefined,
      terminate() {
        isolateIs.terminated = true
        return Promise.resolve()
      },
    }),
    stop: () => Promise.resolve(),
  }
  const host = {
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
    sessions: noSessions,
    keeping: nothingKept,
    addition: nothingAdded,
    adopted: nothingAdded,
    adding: () => ADDING_NOTHING,
    storeFile: undefined,
    usedSessions: () => void isolateIs.used++,
    forgets: () => false,
    ended: (_: unknown, ending: Ending) => void endings.push(ending),
    recorded: () => undefined,
  }
  const attempt = new IsolatedAttempt(claimedTask(), definition, new Lane('default', 1), host, executor)
  attempt.start()
  attempt.begun()
  return { attempt, clock, endings, isolate, isolateIs }
}

/** The move and whether it costs an attempt, of an ending that is an outcome. */
function moveOf(ending: Ending | undefined): unknown {
  if (typeof ending !== 'object') return ending
  return ending.move === 'retry' ? [ending.move, ending.costsAttempt, ending.error.code] : [ending.move]
}

describe('an attempt in an isolate', () => {
  test('is told by its signal when its time is over', async () => {
    const { clock, attempt } = begun()
    await clock.advance(999)
    assert.equal(attempt.reason, undefined)
    await clock.advance(1)
    assert.equal(attempt.reason, 'timeout')
  })

  test('whose sessions end may take longer for that: it is no part of its time', async () => {
    const { clock, attempt, isolate, isolateIs, endings } = begun()
    attempt.closing()
    await clock.advance(59_999)
    assert.deepEqual([attempt.reason, isolateIs.used], [undefined, 1])
    isolate.resolve(RETURNED)
    await turn()
    assert.deepEqual(moveOf(endings[0]), ['succeed'])
  })

  test('whose sessions do not end within a minute is given up, with its isolate, and costs none: nobody knows', async () => {
    const { clock, attempt, isolateIs, endings } = begun()
    attempt.closing()
    await clock.advance(60_000)
    assert.equal(isolateIs.terminated, true)
    assert.deepEqual(endings.map(moveOf), [['retry', false, 'SESSION_COMMIT_UNKNOWN']])
  })

  test('that nobody can tell the end of costs none, also when it was the last', async () => {
    const { isolate, endings } = begun()
    isolate.resolve({ kind: 'unsettled', error: new Error('connection reset') })
    await turn()
    assert.deepEqual(endings.map(moveOf), [['retry', false, undefined]])
  })

  test('lets go of what it holds by the end of its isolate', async () => {
    const { attempt, isolateIs } = begun()
    await attempt.letGo()
    assert.equal(isolateIs.terminated, true)
  })
})
