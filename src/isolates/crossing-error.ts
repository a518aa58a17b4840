import { storedError } from '../engine/stored-error.ts'
import { AfterwordError, type ErrorCode, isAfterwordError } from '../model/errors.ts'
import type { StoredError } from '../model/task.ts'
import { giveUp, isGiveUp, isRetryAfter, retryAfter } from '../model/thrown-outcome.ts'

/**
 * An error on its way out of an isolate: what the store would keep of it, and what the engine reads in it. Structured
 * cloning would lose its name, its code and what `giveUp` and `retryAfter` say.
 */
export interface CrossingError {
  readonly stored: StoredError
  readonly means?:
    | { readonly kind: 'giveUp'; readonly why: string }
    | { readonly kind: 'retryAfter'; readonly delayMs: number; readonly costsAttempt: boolean }
    | { readonly kind: 'coded'; readonly code: ErrorCode; readonly details: object }
}

/** Takes down whatever was thrown. Never throws. */
export function crossingError(thrown: unknown): CrossingError {
  const stored = storedError(thrown)
  const means = meaningOf(thrown)
  return means === undefined ? { stored } : { stored, means }
}

function meaningOf(thrown: unknown): CrossingError['means'] {
  if (isGiveUp(thrown)) return { kind: 'giveUp', why: String(thrown.why) }
  if (isRetryAfter(thrown)) {
    return { kind: 'retryAfter', delayMs: Number(thrown.delayMs), costsAttempt: thrown.costsAttempt }
  }
  if (isAfterwordError(thrown)) return { kind: 'coded', code: thrown.code, details: { ...thrown.details } }
  return undefined
}

/** Makes an error of it again, of which `storedError` makes the same; `giveUp`, `retryAfter` and our codes mean what they meant. */
export function arrivedError({ stored, means }: CrossingError): Error {
  const cause = stored.cause === undefined ? undefined : patched(new Error(stored.cause.message), stored.cause)
  return patched(bare(stored.message, means, cause), stored)
}

function bare(message: string, means: CrossingError['means'], cause: Error | undefined): Error {
  const options = cause === undefined ? undefined : { cause }
  switch (means?.kind) {
    case 'giveUp':
      return giveUp(means.why, options)
    case 'retryAfter':
      return retryAfter(means.delayMs, { ...options, costsAttempt: means.costsAttempt })
    case 'coded':
      return new AfterwordError(means.code, means.details as AfterwordError['details'], options)
    default:
      return new Error(message, options)
  }
}

function patched(error: Error, { name, message, code, stack }: StoredError): Error {
  const hidden = { enumerable: false, writable: true, configurable: true }
  Object.defineProperties(error, {
    name: { value: name, ...hidden },
    message: { value: message, ...hidden },
    // Its own stack, from over there; without one, none: ours would point at this file.
    stack: { value: stack, ...hidden },
  })
  if (code !== undefined && (error as { code?: unknown }).code === undefined) Object.assign(error, { code })
  return error
}

/** What an error says, for a sentence of another one. */
export function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0]!.replace(/\.$/, '')
}
