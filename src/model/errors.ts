import { ERRORS } from './error-catalogue.ts'

/** The code of an entry of the error catalogue, `docs/errors.md`. */
export type ErrorCode = keyof typeof ERRORS

type Facts<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['happened']>[0]

/**
 * Every error that Afterword throws. `code` is stable and never reused; `details` holds the facts of the message as data;
 * `statusCode` is what an HTTP adapter answers when nobody handles it.
 */
export class AfterwordError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AfterwordError'
  readonly code: C
  readonly details: Facts<C>
  /** What to do about it. */
  readonly todo: string
  readonly statusCode: number
  /** Seconds after which the same call may succeed; only on overload and on a store that is away. */
  readonly retryAfterSeconds: number | undefined
  /** The same as a header, where Express and Koa look for it. */
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(code: C, details: Facts<C>, options?: { cause?: unknown }) {
    const entry = ERRORS[code] as {
      happened: (facts: Facts<C>) => string
      todo: string
      statusCode?: number
      retryAfterSeconds?: number
    }
    super(
      `[${code}] ${entry.happened(details)}\n  To fix: ${entry.todo}\n  See docs/errors.md#${code.toLowerCase()}`,
      options,
    )
    this.code = code
    this.details = details
    this.todo = entry.todo
    this.statusCode = entry.statusCode ?? 500
    this.retryAfterSeconds = entry.retryAfterSeconds
    this.headers =
      entry.retryAfterSeconds === undefined ? undefined : { 'Retry-After': String(entry.retryAfterSeconds) }
  }
}

/** True when `error` is an Afterword error, with this code if one is given. */
export function isAfterwordError<C extends ErrorCode>(error: unknown, code?: C): error is AfterwordError<C> {
  return error instanceof AfterwordError && (code === undefined || error.code === code)
}
