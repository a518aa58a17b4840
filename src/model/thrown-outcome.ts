import { durationMs } from './duration.ts'
import type { Duration } from './duration.ts'
import { boolean, custom } from './option-kinds.ts'
import { optionTable } from './option-table.ts'
import { received } from './received.ts'

/*
 * What a task's `run` may throw to say how its attempt ended. The marks are registered symbols, so that a task
 * package that brings its own copy of this library is understood by the application's copy.
 */

const RETRY_AFTER = Symbol.for('afterword.retry-after')
const GIVE_UP = Symbol.for('afterword.give-up')

/** Thrown by `run`: this attempt failed, and the next one begins after `delayMs`. Made by {@link retryAfter}. */
export interface RetryAfter extends Error {
  /** Milliseconds until the next attempt. */
  readonly delayMs: number
  /** False: this attempt is not counted against `retry.attempts`. */
  readonly costsAttempt: boolean
}

/** Thrown by `run`: the task failed for good. Made by {@link giveUp}. */
export interface GiveUp extends Error {
  /** Why there is no further attempt. */
  readonly why: string
}

/** What else {@link retryAfter} takes. */
export interface RetryAfterOptions {
  /** False: this attempt is not counted against `retry.attempts`, for example while a service asks for patience. By default true. */
  readonly costsAttempt?: boolean | undefined
  /** The error that led to it; kept with the attempt. */
  readonly cause?: unknown
}

/** What else {@link giveUp} takes. */
export interface GiveUpOptions {
  /** The error that led to it; kept with the attempt. */
  readonly cause?: unknown
}

const anything = custom('anything', (given): given is unknown => given !== undefined)

const RETRY_AFTER_OPTIONS = optionTable({
  costsAttempt: { is: boolean(), default: true, says: 'Whether this attempt counts against `retry.attempts`.' },
  cause: { is: anything, default: undefined, says: 'The error that led to it.' },
})

/**
 * An error to throw in `run` when the next attempt should begin after a given time: `throw retryAfter('30s')`.
 * It replaces the backoff of this one attempt.
 *
 * @throws DURATION_INVALID, OPTION_UNKNOWN, OPTION_INVALID or OPTIONS_INVALID at once, which `run` then fails with.
 */
export function retryAfter(delay: Duration, options?: RetryAfterOptions): RetryAfter {
  const delayMs = durationMs(delay, 'The delay of retryAfter')
  const { costsAttempt, cause } = RETRY_AFTER_OPTIONS.parse('retryAfter', options)
  const error = marked(RETRY_AFTER, 'RetryAfter', `Retry after ${delayMs} ms.`, cause, { delayMs, costsAttempt })
  Error.captureStackTrace(error, retryAfter)
  return error
}

/**
 * An error to throw in `run` when no further attempt can help: `throw giveUp('the account is closed')`.
 * The task ends as failed, whatever attempts are left. Never throws by itself.
 */
export function giveUp(why: string, options?: GiveUpOptions): GiveUp {
  const text = typeof why === 'string' ? why : received(why)
  const error = marked(GIVE_UP, 'GiveUp', text, options?.cause, { why: text })
  Error.captureStackTrace(error, giveUp)
  return error
}

/** True for what {@link retryAfter} of any copy of this library returned. Never throws. */
export function isRetryAfter(thrown: unknown): thrown is RetryAfter {
  return carries(thrown, RETRY_AFTER)
}

/** True for what {@link giveUp} of any copy of this library returned. Never throws. */
export function isGiveUp(thrown: unknown): thrown is GiveUp {
  return carries(thrown, GIVE_UP)
}

function marked<Facts extends object>(
  mark: symbol,
  name: string,
  message: string,
  cause: unknown,
  facts: Facts,
): Error & Facts {
  const error = new Error(message, cause === undefined ? undefined : { cause })
  const hidden = { enumerable: false, writable: true, configurable: true }
  Object.defineProperties(error, { name: { value: name, ...hidden }, [mark]: { value: true, ...hidden } })
  return Object.assign(error, facts)
}

function carries(thrown: unknown, mark: symbol): boolean {
  try {
    return typeof thrown === 'object' && thrown !== null && (thrown as Record<symbol, unknown>)[mark] === true
  } catch {
    return false // A proxy that refuses to be asked.
  }
}
