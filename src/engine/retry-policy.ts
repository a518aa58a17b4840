import type { RetryPolicy } from '../model/definition.ts'
import type { Chance } from '../ports/chance.ts'

/**
 * Milliseconds to wait before the next attempt.
 *
 * @param failed  how many attempts have failed; 1 after the first.
 * @returns 0 to `capMs`, full jitter, so that tasks that failed together do not return together. Whole milliseconds.
 * @throws never.
 * @source "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 */
export function retryDelayMs(failed: number, policy: RetryPolicy, chance: Chance): number {
  // 2^31 already exceeds every cap; larger exponents would only overflow.
  const boundMs = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failed - 1, 31))
  return Math.floor(chance.fraction() * boundMs)
}
