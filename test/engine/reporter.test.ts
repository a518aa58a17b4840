import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EventHub } from '../../src/engine/event-hub.ts'
import { accountLine, report } from '../../src/engine/reporter.ts'
import type { AttemptEnd, AttemptFacts, BackgroundEvents, EventName } from '../../src/model/events.ts'
import { EVENT_NAMES } from '../support/event-log.ts'

const task = { id: 'id-1', name: 'greet', queue: 'mail', requestId: 'req-1' }
const attempt: AttemptFacts = { ...task, attempt: 2, worker: 7 }
const end: AttemptEnd = {
  attempt,
  state: 'succeeded',
  error: undefined,
  thrown: undefined,
  ranMs: 1.2345,
  retryInMs: undefined,
}
const failed: AttemptEnd = { ...end, state: 'failed', error: { name: 'Error', message: 'no' } }

const EVENTS: { [N in EventName]: BackgroundEvents[N] } = {
  'task:added': { task, state: 'ready' },
  'task:dropped': { task, status: 404, on: 'success' },
  'attempt:start': { attempt, waitedMs: 5 },
  'attempt:end': end,
  'attempt:failed': failed,
  'attempt:abandoned': { attempt, reason: 'timeout' },
  'claim:lost': { attempt },
  'attempt:progress': { attempt, value: 50 },
  'defer:failed': { error: new Error('no'), requestId: 'req-1' },
  'worker:registered': { worker: 7, store: 'memory:' },
  'worker:fenced': { worker: 7, lost: ['id-1'], stillMs: undefined },
  'loop:blocked': {
    by: 'task',
    name: 'greet',
    taskId: 'id-1',
    requestId: undefined,
    place: 'src/greet.ts:3:7',
    function: 'run',
    ms: 312.4,
    times: 1,
  },
  'task:moved': { name: 'greet', times: 3 },
  'session:pool-small': { session: 'db', size: 5, concurrency: 10 },
  'pulse:started': {},
  'pulse:failed': { error: new Error('no') },
  'worker:rescued': { worker: 7, requeued: ['id-1'], quarantined: [] },
  'task:unknown': { name: 'greet', queue: 'mail', version: 2, lack: 'version' },
  'task:known': { name: 'greet', queue: 'mail', version: 2 },
  'store:error': { error: new Error('no') },
  'store:failed': { error: new Error('no') as never },
  stopped: { finished: 1, handedBack: [], abandoned: [], leftToRescue: [], deferred: 0 },
}

interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** The lines that an event leaves in the log. */
function linesOf<N extends EventName>(name: N, event: BackgroundEvents[N], debug = true): Line[] {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  const hub = new EventHub((_, error) => assert.ifError(error))
  report(hub, { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, debug)
  hub.emit(name, event)
  return lines
}

describe('the report', () => {
  for (const name of EVENT_NAMES) {
    test(`has one line for ${name}`, () => {
      assert.equal(linesOf(name, EVENTS[name]).length, 1)
    })
  }

  test('leaves out what happens to every task unless debug lines are shown', () => {
    const quiet = EVENT_NAMES.filter((name) => linesOf(name, EVENTS[name], false).length === 0)
    assert.deepEqual(quiet, ['task:added', 'attempt:start', 'attempt:end', 'attempt:progress'])
  })

  test('costs nothing for these: nobody hears them', () => {
    const hub = new EventHub(() => undefined)
    report(hub, { debug() {}, info() {}, warn() {}, error() {} }, false)
    assert.deepEqual(
      [hub.heard('attempt:start'), hub.heard('attempt:end'), hub.heard('attempt:failed')],
      [false, false, true],
    )
  })

  test('names task, id, queue, request, attempt and worker wherever there is an attempt', () => {
    const facts = { task: 'greet', taskId: 'id-1', queue: 'mail', requestId: 'req-1', attempt: 2, worker: 7 }
    for (const name of EVENT_NAMES.filter((each) => 'attempt' in EVENTS[each])) {
      const { fields } = linesOf(name, EVENTS[name])[0]!
      assert.deepEqual({ ...fields, ...facts }, fields, name)
    }
  })

  test('leaves the request out where there was none', () => {
    const [line] = linesOf('task:added', { task: { ...task, requestId: undefined }, state: 'ready' })
    assert.equal('requestId' in line!.fields, false)
  })

  test('warns of a failure that is repeated; one that was the last is an error', () => {
    const [again] = linesOf('attempt:failed', { ...failed, state: 'scheduled', retryInMs: 250 })
    const [last] = linesOf('attempt:failed', failed)
    assert.deepEqual([again?.level, again?.message], ['warn', 'attempt 2 of "greet" failed, the next is in 250 ms: no'])
    assert.deepEqual([last?.level, last?.message], ['error', 'attempt 2 of "greet" failed, and it was the last: no'])
  })

  test('warns of a rescue; one that quarantined a task is an error', () => {
    const [warned] = linesOf('worker:rescued', EVENTS['worker:rescued'])
    const [error] = linesOf('worker:rescued', { worker: 7, requeued: [], quarantined: ['id-1'] })
    assert.deepEqual([warned?.level, error?.level], ['warn', 'error'])
  })

  test('rounds how long an attempt ran', () => {
    assert.equal(linesOf('attempt:end', end)[0]?.fields['ranMs'], 1.23)
  })
})

describe('the account of a stop', () => {
  test('is one line', () => {
    assert.equal(accountLine(EVENTS.stopped), 'afterword stopped: 1 finished, 0 handed back, 0 abandoned')
  })

  test('lists what was abandoned by name and id, and counts what was left or deferred', () => {
    const line = accountLine({
      finished: 0,
      handedBack: ['a', 'b'],
      abandoned: [attempt, { ...attempt, id: 'id-2' }],
      leftToRescue: ['id-1', 'c'],
      deferred: 3,
    })
    assert.equal(
      line,
      'afterword stopped: 0 finished, 2 handed back, 2 abandoned (greet id-1, greet id-2), ' +
        '2 left to be rescued, 3 deferred functions lost',
    )
  })

  const leftovers = {
    'something was handed back': { handedBack: ['id-2'] },
    'something was abandoned': { abandoned: [attempt] },
    'something was left to be rescued': { leftToRescue: ['id-1'] },
    'deferred functions were lost': { deferred: 1 },
  }
  for (const [what, left] of Object.entries(leftovers)) {
    test(`warns when ${what}`, () => {
      const [line] = linesOf('stopped', { ...EVENTS.stopped, ...left })
      assert.equal(line?.level, 'warn')
    })
  }

  test('names what was abandoned by its id', () => {
    const [line] = linesOf('stopped', { ...EVENTS.stopped, abandoned: [attempt] })
    assert.deepEqual(line?.fields['abandoned'], ['id-1'])
  })

  test('informs when nothing was left', () => {
    assert.deepEqual(
      linesOf('stopped', EVENTS.stopped).map((line) => line.level),
      ['info'],
    )
  })
})
