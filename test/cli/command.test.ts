/** What the command line takes, and how it refuses the rest. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readCommand } from '../../src/cli/command.ts'
import type { ErrorCode } from '../../src/index.ts'

const entry = import.meta.filename
const entryName = join('test', 'cli', 'command.test.ts')

function assertRefused(argv: readonly string[], code: ErrorCode, message: RegExp): void {
  assert.throws(() => readCommand(argv), { code, message })
}

describe('the command line', () => {
  test('starts one web process that runs its own tasks, unless it is told otherwise', () => {
    const settings = {
      entry,
      entryName,
      args: [],
      web: 1,
      workers: 0,
      concurrency: undefined,
      graceMs: undefined,
      maxTasks: undefined,
      maxMemoryMb: undefined,
      maxAgeMs: undefined,
      startTimeoutMs: 30_000,
      restartDelayMs: 100,
      json: false,
    }
    assert.deepEqual(readCommand(['start', entry]), { command: 'start', settings })
  })

  test('reads durations, numbers and the arguments of the application', () => {
    const limits = ['--max-tasks', '7', '--max-memory', '512', '--max-age', '12h', '--grace', '25s', '--json']
    const times = ['--start-timeout', '5m', '--restart-delay', '250', '--concurrency', '4']
    const asked = readCommand(['start', entry, '--web', '2', '--workers', '3', ...limits, ...times, '--', '-p', '80'])
    assert.deepEqual(asked?.settings, {
      entry,
      entryName,
      args: ['-p', '80'],
      web: 2,
      workers: 3,
      concurrency: 4,
      graceMs: 25_000,
      maxTasks: 7,
      maxMemoryMb: 512,
      maxAgeMs: 43_200_000,
      startTimeoutMs: 300_000,
      restartDelayMs: 250,
      json: true,
    })
  })

  test('reads the queues of a worker', () => {
    const asked = readCommand(['worker', entry, '--queues', 'mail, images,mail'])
    assert.deepEqual(asked?.command === 'worker' && asked.settings.process.queues, ['mail', 'images'])
  })

  test('refuses what it does not know, with what was meant', () => {
    assertRefused([], 'ARGUMENTS_INVALID', /no command was given; there are start and worker/)
    assertRefused(['strat', entry], 'ARGUMENTS_INVALID', /unknown command 'strat' \(Did you mean start\?\)/)
    assertRefused(['start'], 'ARGUMENTS_INVALID', /missing required argument 'entry'/)
    assertRefused(
      ['start', entry, '--wbe', '1'],
      'ARGUMENTS_INVALID',
      /unknown option '--wbe' \(Did you mean --web\?\)/,
    )
    assertRefused(['start', entry, '--queues', 'a'], 'ARGUMENTS_INVALID', /unknown option '--queues'/)
  })

  test('refuses values out of their range', () => {
    assertRefused(['start', entry, '--web', '-1'], 'ARGUMENTS_INVALID', /an integer from 0 to 1000/)
    assertRefused(['start', entry, '--web', '1.5'], 'ARGUMENTS_INVALID', /an integer from 0 to 1000/)
    assertRefused(['start', entry, '--max-tasks', '0'], 'ARGUMENTS_INVALID', /an integer from 1 to/)
    assertRefused(['start', entry, '--grace', 'soon'], 'ARGUMENTS_INVALID', /a duration such as '30s'/)
    assertRefused(['worker', entry, '--queues', 'a,,b'], 'ARGUMENTS_INVALID', /names with commas between them/)
  })

  test('refuses an entry that is no file, and a start of nothing', () => {
    assertRefused(['start', 'nowhere.ts'], 'ENTRY_NOT_FOUND', /No file nowhere\.ts is in /)
    assertRefused(['worker', import.meta.dirname], 'ENTRY_NOT_FOUND', /No file /)
    assertRefused(['start', entry, '--web', '0'], 'NO_PROCESSES', /--web and --workers are both 0/)
  })
})
