import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explain, type Surroundings } from '../../src/engine/explain.ts'
import type { TaskRecord, WorkerRecord } from '../../src/model/task.ts'

const record: TaskRecord = {
  id: 'id-1',
  name: 'greet',
  queue: 'mail',
  version: 1,
  state: 'ready',
  priority: 0,
  addedAt: 0,
  dueAt: undefined,
  worker: undefined,
  claims: 0,
  crashes: 0,
  handBacks: 0,
  deferrals: 0,
  early: false,
  series: undefined,
  after: undefined,
  durability: 'power',
  input: { format: 0, text: '1' },
  requestId: undefined,
  carried: undefined,
  progress: undefined,
  result: undefined,
  error: undefined,
  finishedAt: undefined,
  cancelling: false,
}

const worker: WorkerRecord = {
  incarnation: 7,
  name: 'the kitchen',
  pid: 123,
  host: 'here',
  version: '0',
  runtime: undefined,
  beat: 0,
  queues: ['mail'],
  definitions: [{ name: 'greet', version: 1 }],
  registeredAt: 0,
  leaseMs: undefined,
}

/** What is said of a task, in surroundings in which nothing is in its way unless the test puts it there. */
function said(of: Partial<TaskRecord>, around: Partial<Surroundings> = {}) {
  const surroundings = {
    record: { ...record, ...of },
    ahead: [],
    paused: new Set<string>(),
    workers: [worker],
    ready: 1,
    running: 0,
    now: 0,
  }
  return explain('id-1', { ...surroundings, ...around })
}

const reason = (...about: Parameters<typeof said>): string => said(...about).reason

describe('the reason why a task is not running', () => {
  test('is "unknown" for a task that is not there', () => {
    assert.deepEqual([reason({}, { record: undefined }), said({}, { record: undefined }).state], ['unknown', undefined])
  })

  test('is "finished" in every final state', () => {
    const reasons = (['succeeded', 'failed', 'cancelled', 'quarantined'] as const).map((state) => reason({ state }))
    assert.deepEqual(new Set(reasons), new Set(['finished']))
  })

  test('is "running" where a worker has it, and names that worker', () => {
    const { reason: why, text } = said({ state: 'running', worker: 7, claims: 3, handBacks: 1 })
    assert.equal(why, 'running')
    assert.match(text, /the kitchen \(process 123\): attempt 2/)
  })

  test('is "running" also where its worker is gone: it is about to be taken back', () => {
    assert.match(said({ state: 'running', worker: 9 }).text, /worker 9, which is gone/)
  })

  test('is "future" before it is due the first time, "retrying" after an attempt failed', () => {
    const error = { name: 'Error', message: 'no mail' }
    assert.deepEqual(
      [reason({ state: 'scheduled', dueAt: 5 }), reason({ state: 'scheduled', dueAt: 5, error })],
      ['future', 'retrying'],
    )
    assert.match(
      said({ state: 'scheduled', dueAt: 5_000, error }).text,
      /no mail.*1970-01-01T00:00:05\.000Z, in 5000 ms/,
    )
  })

  test('is never a negative wait', () => {
    assert.match(said({ state: 'scheduled', dueAt: 5 }, { now: 1_000 }).text, /in 0 ms/)
  })

  test('is "series" behind others, and names the next of them', () => {
    const { reason: why, text } = said({ state: 'waiting' }, { ahead: ['id-a', 'id-b'] })
    assert.equal(why, 'series')
    assert.match(text, /2 earlier.*id-a/)
  })

  test('is "paused" before anything else about its queue', () => {
    assert.equal(reason({}, { paused: new Set(['mail']), workers: [] }), 'paused')
  })

  test('is "nobody" when no worker serves its queue and knows its name in its version, and says what is missing', () => {
    const [knows, serves] = [
      { ...worker, queues: ['other'] },
      { ...worker, definitions: [{ name: 'other', version: 5 }] },
    ]
    const adds = { ...worker, queues: [], definitions: [] }
    const lacks: readonly (readonly [WorkerRecord[], RegExp])[] = [
      [[], /no registered worker runs tasks/],
      [[adds], /no registered worker runs tasks/],
      [[adds, knows], /no registered worker serves queue "mail"/],
      [[knows, serves], /no registered worker that serves queue "mail" knows its name/],
      [[worker, knows], /it is of version 2, and .* know older versions of "greet" only/],
    ]
    for (const [workers, text] of lacks) {
      const explained = said({ version: 2 }, { workers })
      assert.equal(explained.reason, 'nobody')
      assert.match(explained.text, text)
    }
    const young = { ...worker, definitions: [{ name: 'greet', version: 3 }] }
    assert.equal(reason({ version: 2 }, { workers: [worker, young] }), 'soon')
  })

  test('is "probation" when two workers died with it', () => {
    assert.deepEqual([reason({ crashes: 1 }), reason({ crashes: 2 }, { running: 5 })], ['soon', 'probation'])
  })

  test('is "full" while others of its queue run', () => {
    const { reason: why, text } = said({}, { running: 3, ready: 5 })
    assert.equal(why, 'full')
    assert.match(text, /3 tasks of queue "mail" run and 4 others are ready/)
  })

  test('is "soon" when nothing is in its way', () => {
    assert.equal(reason({}), 'soon')
  })
})
