/**
 * The checkers of the lane `crash`, each tried on a short story that breaks its invariant and on the nearest one that does
 * not. What they say of real runs is tried in test/crash.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHECKERS } from '../../proof/crash/checkers/all.ts'
import type { FinalTask } from '../../proof/crash/final-database.ts'
import type { Happening } from '../../proof/crash/history.ts'
import { recoveriesMs } from '../../proof/crash/recovery.ts'
import { evidence, planned, ran, row, tell } from './crash-story.ts'

const GOOD = [tell.sent(), tell.registered(1), tell.kept(), ...ran(0), ...ran(1)]

/** What every checker says, as `kind: sentence`. */
function found(...story: Parameters<typeof evidence>): string[] {
  const judged = evidence(...story)
  return CHECKERS.flatMap((check) => check(judged)).map(({ kind, says }) => `${kind}: ${says}`)
}

/** Asserts that exactly these kinds of violations are found. */
function assertKinds(kinds: readonly string[], ...story: Parameters<typeof evidence>): void {
  const says = found(...story)
  const kindsFound = says.map((each) => each.slice(0, each.indexOf(':')))
  assert.deepEqual([...new Set(kindsFound)].toSorted(), kinds.toSorted(), says.join('\n'))
}

/** A story in which server 1 dies while it runs step 0, and server 2 takes over. */
const takenOver: readonly Happening[] = [
  tell.sent(),
  tell.registered(1),
  tell.registered(2),
  tell.kept(),
  tell.begin(0, 1),
  tell.kill(1),
  tell.exit(1, null),
  tell.rescued(1, 2),
  ...ran(0, 2, 2),
  ...ran(1, 2),
]
const TAKEN_OVER = [row(0, { claims: 2, crashes: 1 }), row(1)]

describe('a run in which nothing goes wrong', () => {
  test('breaks no invariant', () => assertKinds([], GOOD))

  test('breaks none either when a peer takes over what a killed server was running', () => {
    assertKinds([], takenOver, TAKEN_OVER)
    assert.deepEqual(recoveriesMs(evidence(takenOver, TAKEN_OVER)), [6_000])
  })

  test('breaks none when a held server wakes up and runs on, after its claims were taken back', () => {
    const story: Happening[] = [
      tell.sent(),
      tell.registered(1),
      tell.registered(2),
      tell.kept(),
      tell.begin(0, 1),
      { what: 'stop', server: 1 },
      tell.rescued(1, 2),
      tell.begin(0, 2, 2),
      { what: 'continue', server: 1 },
      tell.end(0, 1),
      { what: 'fenced', server: 1, worker: 11 },
      tell.claimLost(0, 1),
      tell.end(0, 2, 2),
      tell.recorded(0, 2, 2),
      ...ran(1, 2),
    ]
    assertKinds([], story, TAKEN_OVER)
  })
})

describe('what was acknowledged', () => {
  const lost = (tasks: readonly FinalTask[], story: readonly Happening[] = GOOD): void =>
    assertKinds(['lost'], story, tasks)

  test('is lost when it is not in the database', () => lost([], GOOD.slice(0, 3)))

  test('is lost when no attempt of it came to its end', () => {
    assertKinds(['lost', 'order', 'attempts'], [...GOOD.slice(0, 3), ...ran(1)])
  })

  test('is lost when it rests as something else than it should', () => {
    lost([row(0), row(1, { state: 'failed' })])
    lost([row(0), row(1, { state: 'cancelled' })])
  })

  test('may rest in quarantine, but only after three crashes', () => {
    const tasks = (crashes: number): FinalTask[] => [row(0, { claims: crashes, crashes, state: 'quarantined' }), row(1)]
    const deaths = [1, 2, 3].flatMap((server) => [
      tell.begin(0, server, server),
      tell.kill(server),
      tell.exit(server, null),
    ])
    const story = [tell.sent(), tell.kept(), ...deaths, ...ran(1, 4)]
    assertKinds([], story, tasks(3))
    assertKinds(['lost', 'attempts'], story, tasks(2))
  })

  test('that gives up has to rest as failed', () => {
    const plan = [planned(0, { behaviour: 'gives-up' })]
    const story: Happening[] = [
      tell.sent(),
      tell.kept(1, ['a']),
      tell.begin(0),
      tell.end(0, 1, 1, 'gave up'),
      tell.recorded(0, 1, 1, 'failed'),
    ]
    assertKinds([], story, [row(0, { state: 'failed' })], { plan })
    assertKinds(['lost'], story, [row(0)], { plan })
  })

  test('has to end after the faults have healed', () => {
    const waits = [row(0), row(1, { state: 'ready' })]
    const counts = { live: 1, waiting: 0 }
    assertKinds(['lost', 'liveness'], [...GOOD.slice(0, 3), ...ran(0)], waits, { counted: counts, recounted: counts })
  })
})

describe('what was not acknowledged', () => {
  const unanswered: readonly Happening[] = [tell.sent(), { what: 'unanswered', n: 1, server: 1 }, ...ran(0)]

  test('is there as a whole or not at all', () => {
    assertKinds(['phantom'], unanswered, [row(0)])
    assertKinds([], [...unanswered, ...ran(1)])
    assertKinds([], unanswered.slice(0, 2), [])
  })

  test('is not there when it was refused, unless the store had failed in the middle of it', () => {
    const refused = (code: string): Happening => ({ what: 'refused', n: 1, server: 1, code })
    assertKinds(['phantom'], [tell.sent(), refused('STORE_FULL'), ...ran(0), ...ran(1)])
    assertKinds([], [tell.sent(), refused('STORE_FAILED'), ...ran(0), ...ran(1)])
    assertKinds([], [tell.sent(), refused('STORE_FULL'), tell.sent(), tell.kept(), ...ran(0), ...ran(1)])
  })

  test('does not run when it was never sent', () => {
    assertKinds(['phantom'], [...ran(0), ...ran(1)])
    assertKinds(['phantom'], GOOD, [row(0), row(1)], { plan: [planned(0)] })
  })
})

describe('a series', () => {
  test('is out of order when a task begins before the one before it has ended', () => {
    const early = [...GOOD.slice(0, 3), tell.begin(0), ...ran(1), tell.end(0), tell.recorded(0)]
    assertKinds(['order'], early)
    assertKinds([], early, [row(0), row(1)], { plan: [planned(0), planned(1, { parallel: true })] })
  })

  test('is out of order when the one before was only interrupted', () => {
    const interrupted = [
      ...GOOD.slice(0, 3),
      tell.begin(0),
      tell.end(0, 1, 1, 'interrupted'),
      ...ran(1, 2),
      ...ran(0, 2),
    ]
    assertKinds(['order'], interrupted, [row(0, { claims: 2, handBacks: 1 }), row(1)])
  })
})

describe('two attempts of one task', () => {
  test('overlap when the first one runs and has not lost its claim', () => {
    const story = [...GOOD.slice(0, 3), tell.begin(0, 1), ...ran(0, 2, 2), tell.end(0, 1), ...ran(1)]
    assertKinds(['overlap', 'duplicate'], story, [row(0, { claims: 2, deferrals: 1 }), row(1)])
  })

  test('are one too many when the first one ended well and nothing touched its server', () => {
    const story = [...GOOD.slice(0, 3), tell.begin(0, 1), tell.end(0, 1), ...ran(0, 2), ...ran(1)]
    const tasks = [row(0, { claims: 2, handBacks: 1 }), row(1)]
    assertKinds(['duplicate'], story, tasks)
    const touched = story.toSpliced(5, 0, { what: 'store-failed', server: 1 })
    assertKinds([], touched, tasks)
  })

  test('are wrong when the first one was recorded as the last', () => {
    const story = [...takenOver, tell.begin(0, 3, 3), tell.end(0, 3, 3)]
    assertKinds(['final', 'duplicate'], story, [row(0, { claims: 3, crashes: 1, deferrals: 1 }), row(1)])
  })

  test('are right when the first one failed on purpose', () => {
    const plan = [planned(0, { behaviour: 'throws-first' })]
    const story = [tell.sent(), tell.kept(1, ['a']), tell.begin(0), tell.end(0, 1, 1, 'threw'), ...ran(0, 1, 2)]
    assertKinds([], story, [row(0, { claims: 2 })], { plan })
  })
})

describe('a claim', () => {
  test('is not lost by a worker that nobody declared dead', () => {
    assertKinds(['claim'], [...GOOD, tell.claimLost(1, 2)])
  })

  test('ends in exactly one way', () => {
    assertKinds(['attempts'], GOOD, [row(0, { claims: 2 }), row(1)])
    assertKinds(['attempts'], GOOD, [row(0, { claims: 2, crashes: 2 }), row(1)])
    assertKinds([], GOOD, [row(0, { claims: 2, deferrals: 1 }), row(1)])
    assertKinds([], GOOD, [row(0, { claims: 2, handBacks: 1 }), row(1)])
  })

  test('does not crash when no worker has died', () => {
    assertKinds(['attempts'], GOOD, [row(0, { claims: 2, crashes: 1 }), row(1)])
  })

  test('begins once, under the number of its attempt', () => {
    const story = [...GOOD.slice(0, 3), tell.begin(0), tell.begin(0), tell.end(0), tell.end(0), ...ran(1)]
    assertKinds(['attempts', 'duplicate', 'overlap'], story, [row(0, { claims: 2, deferrals: 1 }), row(1)])
    assertKinds(['attempts', 'duplicate', 'overlap'], story)
  })
})

describe('a server', () => {
  const term: Happening = { what: 'term', server: 1 }

  test('that is asked to stop ends with code 0', () => {
    assertKinds([], [...GOOD, term, tell.exit(1, 0)])
    assertKinds(['stop'], [...GOOD, term, tell.exit(1, 1)])
    assertKinds([], [...GOOD, { what: 'store-failed', server: 1 }, term, tell.exit(1, 1)])
  })

  test('that has stopped in order leaves nothing to be rescued', () => {
    assertKinds(['stop'], [...GOOD, term, tell.exit(1, 0), tell.rescued(1, 2)])
    assertKinds([], [...GOOD, term, tell.exit(1, 0), tell.rescued(1, 2, [])])
  })

  test('does not end by itself, unless it found the disk full when it started', () => {
    const started: Happening = { what: 'started', server: 3, pid: 3 }
    assertKinds(['stop'], [...GOOD, started, tell.exit(3, 1, false)])
    assertKinds([], [...GOOD, { what: 'fill' }, started, { what: 'free' }, tell.exit(3, 1, false)])
    const registered = [tell.registered(3), { what: 'fill' }, { what: 'free' }] as const
    assertKinds(['stop'], [...GOOD, started, ...registered, tell.exit(3, 1, false)])
  })

  test('acknowledges nothing as safe from a power cut that was sent after a sync had failed', () => {
    const failed: Happening = { what: 'sync-failed', server: 1 }
    assertKinds(['fail-stop'], [failed, ...GOOD])
    assertKinds([], [...GOOD.slice(0, 2), failed, ...GOOD.slice(2)])
  })

  test('acknowledges nothing at all that was sent after its store had noticed', () => {
    const plan = [planned(0, { durability: 'process' }), planned(1, { durability: 'process' })]
    assertKinds([], [{ what: 'sync-failed', server: 1 }, ...GOOD], undefined, { plan })
    assertKinds(['fail-stop'], [{ what: 'store-failed', server: 1 }, ...GOOD], undefined, { plan })
  })

  test('does not grow without bound', () => {
    const memory = (megabytes: number): Happening => ({ what: 'memory', server: 1, bytes: megabytes * 1024 ** 2 })
    assertKinds([], [...GOOD, memory(150)])
    assertKinds(['memory'], [...GOOD, memory(150), memory(400)])
  })
})

describe('the store', () => {
  test('is unsound when its integrity check or its counters say so', () => {
    assertKinds(['store'], GOOD, undefined, { integrity: 'row 1 missing from index afterword_task_ready' })
    assertKinds(['store'], GOOD, undefined, { counted: { live: 1, waiting: 0 } })
    assertKinds(['store'], GOOD, undefined, { counted: { live: 0, waiting: 1 } })
  })
})

describe('a recovery', () => {
  test('says nothing when another fault disturbs it, when nothing ran, or when no peer was alive', () => {
    const disturbed = takenOver.toSpliced(6, 0, { what: 'fill' })
    assert.deepEqual(recoveriesMs(evidence(disturbed, TAKEN_OVER)), [])
    const idle = takenOver.toSpliced(4, 1)
    assert.deepEqual(recoveriesMs(evidence(idle, TAKEN_OVER)), [])
    const alone = takenOver.toSpliced(2, 1)
    assert.deepEqual(recoveriesMs(evidence(alone, TAKEN_OVER)), [])
  })
})
