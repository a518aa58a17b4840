/** Each checker of the simulation sees what it is there for, and lets a sound history pass: told by hand, event by event. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CHECKERS } from '../../proof/sim/checkers/all.ts'
import type { SimEvent } from '../../proof/sim/history.ts'
import type { Row } from '../../proof/sim/ledger.ts'
import type { Step } from '../../proof/sim/plans.ts'
import { drawWorld } from '../../proof/sim/world.ts'

const LIFE = '0.1'
const WORKER = 1
const STEP: Step = { does: 'return', ms: 0, plain: true, progress: false }
const ACCOUNT = { finished: 0, handedBack: [], abandoned: [], leftToRescue: [], deferred: 0 }
const FACTS = { id: 'a', name: 'plain', queue: 'default', requestId: undefined, attempt: 1, worker: WORKER }
const WORLD = { ...drawWorld(1, true), keepsSucceeded: true, attempts: 2, bufferMax: 5 }

function row(fields: Partial<Row> = {}): Row {
  const state = fields.state ?? 'ready'
  const isFinal = ['succeeded', 'failed', 'cancelled', 'quarantined'].includes(state)
  return {
    id: 'a',
    name: 'plain',
    queue: 'default',
    state,
    worker: state === 'running' ? WORKER : null,
    claims: 0,
    crashes: 0,
    handBacks: 0,
    deferrals: 0,
    early: 0,
    suspect: 0,
    passed: 0,
    cancelling: 0,
    after: null,
    dueAt: state === 'scheduled' ? 1 : null,
    finishedAt: isFinal ? 1 : null,
    result: null,
    ...fields,
  }
}

const move = (verb: string, before: Row | undefined, after: Row | undefined): SimEvent => ({
  kind: 'move',
  life: LIFE,
  verb,
  about: WORKER,
  before,
  after,
})
const born: SimEvent = { kind: 'born', life: LIFE, concurrency: new Map([['default', 1]]) }
const registered = { kind: 'registered', life: LIFE, worker: WORKER } as const satisfies SimEvent
const add = (id = 'a', series: readonly string[] = []): SimEvent => ({
  kind: 'add',
  life: LIFE,
  id,
  name: 'plain',
  isIdempotent: false,
  series,
})
const ack = (id = 'a', name = 'plain'): SimEvent => ({ kind: 'ack', life: LIFE, id, name })
const kept = (id = 'a', name = 'plain'): SimEvent => ({ kind: 'kept', life: LIFE, id, name })
const begin = (id = 'a', nth = 1): SimEvent => ({ kind: 'begin', life: LIFE, id, nth, step: STEP })
const end = (how = 'return', id = 'a', nth = 1): SimEvent => ({ kind: 'end', life: LIFE, id, nth, how })
const drained: SimEvent = { kind: 'drained', timers: new Map([[LIFE, 1]]) }
const stopping: SimEvent = { kind: 'stopping', life: LIFE }
const stopped = (timers = 0, leftToRescue: readonly string[] = []): SimEvent => ({
  kind: 'stopped',
  life: LIFE,
  account: { ...ACCOUNT, leftToRescue },
  timers,
})

const READY = row()
const RUNNING = row({ state: 'running', claims: 1 })
const SUCCEEDED = row({ state: 'succeeded', claims: 1 })
const FAILED = row({ state: 'failed', claims: 1 })
const CANCELLED = row({ state: 'cancelled', claims: 1, cancelling: 1 })
const CANCELLING = row({ state: 'running', claims: 1, cancelling: 1 })
const stored = [born, registered, add(), move('write', undefined, READY), move('write', READY, RUNNING)]

/** A life without a fault, from the add to the end. */
const SOUND: readonly SimEvent[] = [
  ...stored,
  kept(),
  ack(),
  begin(),
  end(),
  move('write', RUNNING, SUCCEEDED),
  { kind: 'commit', life: LIFE, verb: 'write', live: 0, waiting: 0 },
  { kind: 'result', life: LIFE, id: 'a', answer: 'value a#1' },
  drained,
  stopping,
  stopped(),
]

/** What has to be found, and by whom. */
const BROKEN: readonly (readonly [checker: string, what: RegExp, events: readonly SimEvent[]])[] = [
  ['held-once', /without its claim/, [...stored.slice(0, 4), begin()]],
  ['held-once', /twice under one claim/, [...stored, begin(), end(), begin()]],
  [
    'held-once',
    /handed back after it had begun/,
    [...stored, begin(), move('handBack', RUNNING, row({ claims: 1, handBacks: 1 }))],
  ],
  ['nothing-lost', /acknowledged and is not stored/, [born, registered, add(), ack()]],
  ['nothing-lost', /nobody added/, [born, registered, move('write', undefined, READY)]],
  ['nothing-lost', /never returned/, [...stored, begin(), end('throw'), move('write', RUNNING, SUCCEEDED)]],
  ['nothing-lost', /removed in state ready/, [...stored.slice(0, 4), move('prune', READY, undefined)]],
  ['nothing-lost', /has not ended/, [...stored, ack(), drained]],
  [
    'final-is-final',
    /made it ready/,
    [...stored, begin(), end(), move('write', RUNNING, SUCCEEDED), move('rescue', SUCCEEDED, READY)],
  ],
  ['final-is-final', /removed it/, [...stored, move('write', RUNNING, FAILED), move('write', FAILED, undefined)]],
  [
    'attempts-add-up',
    /counted nothing instead of \+1 claims/,
    [...stored.slice(0, 4), move('write', READY, row({ state: 'running' }))],
  ],
  [
    'attempts-add-up',
    /counted nothing instead of \+1 crashes/,
    [...stored, move('rescue', RUNNING, row({ claims: 1 }))],
  ],
  [
    'attempts-add-up',
    /tried again after 2 of 2/,
    [...stored, move('write', row({ state: 'running', claims: 2 }), row({ state: 'scheduled', claims: 2, passed: 1 }))],
  ],
  [
    'attempts-add-up',
    /interrupted by a shutdown/,
    [...stored, begin(), end('aborted shutdown'), move('write', RUNNING, FAILED)],
  ],
  [
    'series-order',
    /before the first attempt of a had ended/,
    [...stored, add('b', ['a']), move('write', undefined, row({ id: 'b', state: 'running', claims: 1 })), begin('b')],
  ],
  ['bounded', /left 1 timers/, [...stored, stopping, stopped(1)]],
  ['bounded', /never heard/, [...stored, drained]],
  ['liveness', /nothing ends/, [{ kind: 'stuck', why: 'nothing ends' }]],
  ['liveness', /is no worker/, [...stored, { kind: 'fenced', worker: WORKER, by: '1.1' }, drained]],
  ['unique-ids', /which is a "plain"/, [...stored, kept('a', 'side')]],
  ['unique-ids', /for which the store did not answer/, [...stored, { ...kept(), life: '0.2' } as SimEvent, ack()]],
  ['legal-states', /from ready to succeeded/, [...stored.slice(0, 4), move('write', READY, SUCCEEDED)]],
  ['legal-states', /ready with worker 1/, [...stored, move('write', RUNNING, row({ worker: 1, claims: 1 }))]],
  ['legal-states', /counted 1 live/, [...stored, { kind: 'commit', life: LIFE, verb: 'write', live: 0, waiting: 0 }]],
  [
    'concurrency',
    /runs 2 of queue "default" at once, with 1 places/,
    [...stored, begin(), add('b'), move('write', undefined, row({ id: 'b', state: 'running', claims: 1 })), begin('b')],
  ],
  [
    'cancel-honoured',
    /claimed again after its cancel/,
    [
      ...stored,
      move('cancel', RUNNING, CANCELLING),
      move('write', row(), row({ state: 'running', claims: 1, cancelling: 1 })),
    ],
  ],
  [
    'cancel-honoured',
    /was forgotten/,
    [...stored, move('cancel', RUNNING, CANCELLING), move('rescue', CANCELLING, row({ claims: 1, crashes: 1 }))],
  ],
  [
    'statuses',
    /dropped by its status and stored/,
    [born, registered, add(), { kind: 'dropped', life: LIFE, id: 'a' }, move('write', undefined, READY)],
  ],
  [
    'stop-account',
    /does not say so/,
    [...stored, stopping, move('handBackAll', RUNNING, row({ claims: 1, handBacks: 1 })), stopped()],
  ],
  [
    'stop-account',
    /whose attempt had ended/,
    [...stored, begin(), stopping, end(), move('handBackAll', RUNNING, row({ claims: 1, handBacks: 1 }))],
  ],
  [
    'stop-account',
    /abandoned a, which had ended/,
    [
      ...stored,
      begin(),
      stopping,
      end(),
      { kind: 'leaving', life: LIFE },
      { kind: 'stopped', life: LIFE, account: { ...ACCOUNT, abandoned: [FACTS] }, timers: 0 },
    ],
  ],
  ['stop-account', /has stopped and holds a$/, [...stored, stopping, stopped(0, ['a'])]],
  [
    'stop-account',
    /holds a, and does not say so/,
    [...stored, stopping, { kind: 'fault', life: LIFE, what: 'refuses handBackAll' }, stopped()],
  ],
  ['stop-account', /after it had stopped/, [...stored.slice(0, 4), stopping, stopped(), begin()]],
  ['results', /came before its success/, [...stored, { kind: 'result', life: LIFE, id: 'a', answer: 'value a#1' }]],
  [
    'results',
    /the result of a is/,
    [...stored, move('write', RUNNING, SUCCEEDED), { kind: 'result', life: LIFE, id: 'a', answer: 'value b#1' }],
  ],
  ['results', /has not failed/, [...stored, { kind: 'result', life: LIFE, id: 'a', answer: 'TASK_FAILED' }]],
]

/** Tells a history to every checker; what each of them says, behind its name. */
function judged(events: readonly SimEvent[]): string[] {
  const rows = new Map<string, Row>()
  const said: string[] = []
  const checkers = CHECKERS.map(([name, make]) =>
    make({ world: WORLD, rows, fail: (what) => void said.push(`${name}: ${what}`) }),
  )
  for (const event of events) {
    if (event.kind === 'move') {
      if (event.after !== undefined) rows.set(event.after.id, event.after)
      else rows.delete(event.before!.id)
    }
    for (const check of checkers) check(event)
  }
  return said
}

describe('the checkers of the simulation', () => {
  test('let a sound history pass', () => {
    assert.deepEqual(judged(SOUND), [])
    assert.deepEqual(
      judged([...stored, move('cancel', RUNNING, CANCELLING), move('handBack', CANCELLING, CANCELLED)]),
      [],
    )
  })

  test('let an answer pass that comes so late that its id is another task by then', () => {
    const forgotten = [begin(), end(), move('write', RUNNING, SUCCEEDED), move('prune', SUCCEEDED, undefined)]
    const other: SimEvent[] = [{ ...add(), name: 'side' } as SimEvent, move('write', undefined, row({ name: 'side' }))]
    assert.deepEqual(judged([...stored, kept(), ...forgotten, ...other, ack()]), [])
  })

  test('let pass that an attempt which was abandoned ends when its task is claimed once more', () => {
    const scheduled = row({ state: 'scheduled', claims: 1, passed: 1 })
    const ready = row({ claims: 1, passed: 1 })
    const again = row({ state: 'running', claims: 2, passed: 1, early: 1 })
    const account = { ...ACCOUNT, handedBack: ['a'] }
    const events: SimEvent[] = [
      ...stored,
      begin(),
      { kind: 'abandoned', life: LIFE, id: 'a' },
      move('write', RUNNING, scheduled),
      move('write', scheduled, ready),
      move('write', ready, again),
      stopping,
      end(),
      move('handBackAll', again, row({ claims: 2, deferrals: 1, passed: 1 })),
      { kind: 'stopped', life: LIFE, account, timers: 0 },
    ]
    assert.deepEqual(judged(events), [])
  })

  test('let pass that an attempt ends after its process has asked to hand everything back', () => {
    const account = { ...ACCOUNT, handedBack: ['a'], abandoned: [FACTS] }
    const events: SimEvent[] = [
      ...stored,
      begin(),
      stopping,
      { kind: 'leaving', life: LIFE },
      end(),
      move('handBackAll', RUNNING, row({ claims: 1, handBacks: 1 })),
      { kind: 'stopped', life: LIFE, account, timers: 0 },
    ]
    assert.deepEqual(judged(events), [])
  })

  test('let pass that a claim goes back while an attempt runs that began under an earlier one', () => {
    const ready = row({ claims: 1, crashes: 1 })
    const again = row({ state: 'running', worker: 2, claims: 2, crashes: 1, early: 1 })
    const events: SimEvent[] = [
      ...stored,
      begin(),
      { kind: 'fenced', worker: WORKER, by: '1.1' },
      move('rescue', RUNNING, ready),
      { ...registered, worker: 2 },
      move('write', ready, again),
      move('handBack', again, row({ claims: 2, crashes: 1, deferrals: 1 })),
    ]
    assert.deepEqual(judged(events), [])
  })

  for (const [checker, what, events] of BROKEN) {
    test(`${checker} finds "${what.source.replaceAll('\\', '')}"`, () => {
      const mine = judged(events).filter((line) => line.startsWith(`${checker}: `))
      assert.match(mine.join('\n'), what)
    })
  }

  test('are each proved by a history that they must not let pass', () => {
    const proved = new Set(BROKEN.map(([checker]) => checker))
    assert.deepEqual(
      [...proved],
      CHECKERS.map(([name]) => name),
    )
  })
})
