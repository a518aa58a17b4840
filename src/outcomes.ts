/** What a task's `run` may throw to say how its attempt ended. */
export { giveUp, isGiveUp, isRetryAfter, retryAfter } from './model/thrown-outcome.ts'
export type { GiveUp, GiveUpOptions, RetryAfter, RetryAfterOptions } from './model/thrown-outcome.ts'
