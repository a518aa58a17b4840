import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { builtinLogger, type LogLevel, logLevel } from '../../src/engine/builtin-logger.ts'

/** What a logger of that level writes, each line read as JSON. */
function written(level: LogLevel, use: (logger: ReturnType<typeof builtinLogger>) => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  use(
    builtinLogger(
      level,
      () => 5,
      (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    ),
  )
  return lines
}

describe('the built-in logger', () => {
  test('writes one line of JSON: level, time, message and the fields', () => {
    assert.deepEqual(
      written('debug', (log) => log.info({ task: 'greet', attempt: 2 }, 'attempt started')),
      [{ level: 'info', time: '1970-01-01T00:00:00.005Z', msg: 'attempt started', task: 'greet', attempt: 2 }],
    )
  })

  for (const [level, shown] of [
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const) {
    test(`of level ${level} shows ${shown.join(', ')}`, () => {
      const lines = written(level, (log) => {
        for (const each of ['debug', 'info', 'warn', 'error'] as const) log[each]({}, 'x')
      })
      assert.deepEqual(
        lines.map((line) => line['level']),
        shown,
      )
    })
  }

  test('writes errors with name, message and stack, and bigints', () => {
    const err = new RangeError('too far')
    const [line] = written('warn', (log) => log.error({ err, big: 10n }, 'x'))
    assert.deepEqual(
      [line?.['err'], line?.['big']],
      [{ name: 'RangeError', message: 'too far', stack: err.stack }, '10n'],
    )
  })

  test('writes what it can when the fields cannot be written', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const toJSON = (): never => {
      throw new Error('no')
    }
    const lines = written('warn', (log) => {
      log.warn(cycle, 'a cycle')
      log.warn({ value: { toJSON } }, 'a trap')
    })
    assert.deepEqual(
      lines.map((line) => [line['msg'], typeof line['unwritable']]),
      [
        ['a cycle', 'string'],
        ['a trap', 'string'],
      ],
    )
  })
})

describe('AFTERWORD_LOG', () => {
  test('names the level', () => {
    const levels = ['debug', 'info', 'warn', 'error']
    assert.deepEqual(
      levels.map((level) => logLevel({ AFTERWORD_LOG: level })),
      levels,
    )
  })

  test('means warn when it is missing or says something else', () => {
    assert.deepEqual(
      [logLevel({}), logLevel({ AFTERWORD_LOG: '' }), logLevel({ AFTERWORD_LOG: 'loud' })],
      ['warn', 'warn', 'warn'],
    )
  })
})
