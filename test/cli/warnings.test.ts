/** What works, but probably not as its owner thinks. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProcessSettings } from '../../src/cli/messages.ts'
import { warningsOf } from '../../src/cli/warnings.ts'
import { type BackgroundOptions, defineTask, type WorkerView } from '../../src/index.ts'

const mail = defineTask({ name: 'mail', queue: 'mail', run: () => undefined })

const SETTINGS: ProcessSettings = {
  role: 'web',
  entry: '/app/server.ts',
  entryName: 'server.ts',
  processes: { web: 1, worker: 1 },
  queues: undefined,
  concurrency: undefined,
  graceMs: undefined,
  startTimeoutMs: 1,
  maxTasks: undefined,
  maxMemoryMb: undefined,
}

/** A worker that takes tasks of these queues. */
const serving = (...queues: string[]): WorkerView => ({
  worker: 1,
  name: 'x',
  pid: 1,
  host: 'x',
  version: '1',
  since: new Date(0),
  queues,
  definitions: [],
})

function assertWarned(
  settings: Partial<ProcessSettings>,
  given: BackgroundOptions,
  expected: RegExp | undefined,
  workers = [serving('mail')],
): void {
  const warnings = warningsOf({ ...SETTINGS, ...settings }, { tasks: [mail], ...given }, workers)
  if (expected === undefined) assert.deepEqual(warnings, [])
  else {
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, expected)
  }
}

describe('a process is warned', () => {
  test('when web processes run tasks beside workers because the application says so', () => {
    assertWarned({}, { works: true }, /runs tasks beside the workers, for server\.ts says works: true/)
    assertWarned({}, { works: false }, undefined)
    assertWarned({}, {}, undefined)
    assertWarned({ role: 'worker' }, { works: true }, undefined)
  })

  test('when nobody runs the tasks', () => {
    const processes = { web: 1, worker: 0 }
    assertWarned({ processes }, { works: false }, /nobody here runs its tasks, .*pass --workers 1/)
    assertWarned({ processes }, { works: true }, undefined)
    assertWarned({ processes }, {}, undefined)
  })

  test('when each of several web processes has its own memory', () => {
    assertWarned(
      { processes: { web: 2, worker: 0 } },
      { store: 'memory:' },
      /each web process knows its own tasks only/,
    )
    assertWarned({ processes: { web: 1, worker: 0 } }, { store: 'memory:' }, undefined)
    assertWarned({ processes: { web: 2, worker: 0 } }, { store: 'sqlite:x' }, undefined)
  })

  test('when --concurrency is said to queues that all have a number of their own', () => {
    const queues = { default: 2, mail: 3 }
    assertWarned({ role: 'worker', concurrency: 5 }, { queues }, /--concurrency changes nothing/)
    assertWarned({ role: 'worker' }, { queues }, undefined)
    assertWarned({ role: 'worker', concurrency: 5 }, { queues: { mail: 3 } }, undefined)
    const both = [serving('mail', 'default')]
    assertWarned({ role: 'worker', concurrency: 5, queues: ['mail'] }, { queues: { mail: 3 } }, /--concurrency/, both)
  })

  test('when some queues are served and nobody serves the others', () => {
    const queues = ['mail']
    assertWarned({ role: 'worker', queues }, {}, /no worker in the store takes tasks of default so far/)
    assertWarned({ role: 'worker', queues: undefined }, {}, undefined)
  })
})
