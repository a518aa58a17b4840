import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { giveUp, isGiveUp, isRetryAfter, retryAfter } from '../../src/outcomes.ts'

const url = new URL('../../src/model/thrown-outcome.ts?second-copy', import.meta.url).href

describe('what run throws to say how it ended', () => {
  test('retryAfter is an Error with a delay, and costs an attempt unless told otherwise', () => {
    const error = retryAfter('30s')
    assert.ok(error instanceof Error)
    assert.deepEqual(
      [error.name, error.message, error.delayMs, error.costsAttempt],
      ['RetryAfter', 'Retry after 30000 ms.', 30_000, true],
    )
    assert.equal(retryAfter(5, { costsAttempt: false }).costsAttempt, false)
    assert.equal(Object.hasOwn(error, 'cause'), false)
  })

  test('giveUp is an Error with a reason', () => {
    const cause = new Error('403')
    const error = giveUp('the account is closed', { cause })
    assert.ok(error instanceof Error)
    assert.deepEqual(
      [error.name, error.message, error.why, error.cause],
      ['GiveUp', 'the account is closed', 'the account is closed', cause],
    )
  })

  test('the stack begins where it was thrown', () => {
    for (const error of [retryAfter(1), giveUp('no')]) {
      assert.match(error.stack?.split('\n')[1] ?? '', /thrown-outcome\.test\.ts/)
    }
  })

  test('each is told from the other and from everything else', () => {
    assert.deepEqual([isRetryAfter(retryAfter(1)), isGiveUp(retryAfter(1))], [true, false])
    assert.deepEqual([isRetryAfter(giveUp('x')), isGiveUp(giveUp('x'))], [false, true])
    const hostile = new Proxy({}, { get: () => assert.fail() })
    for (const other of [undefined, null, 'x', 5, {}, new Error('x'), hostile]) {
      assert.deepEqual([isRetryAfter(other), isGiveUp(other)], [false, false])
    }
  })

  test('what another copy of the library throws is understood', async () => {
    const other = (await import(url)) as { retryAfter: typeof retryAfter; giveUp: typeof giveUp }
    assert.notEqual(other.retryAfter, retryAfter)
    assert.ok(isRetryAfter(other.retryAfter(1)))
    assert.ok(isGiveUp(other.giveUp('x')))
  })

  test('a wrong duration or option is refused', () => {
    assert.throws(() => retryAfter('soon' as '5s'), { code: 'DURATION_INVALID' })
    assert.throws(() => retryAfter(1, { costAttempt: false } as object), { code: 'OPTION_UNKNOWN' })
    assert.throws(() => retryAfter(1, { costsAttempt: 0 as unknown as boolean }), { code: 'OPTION_INVALID' })
  })

  test('giveUp never fails by itself', () => assert.equal(giveUp(undefined as unknown as string).why, 'undefined'))
})
