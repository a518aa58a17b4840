/** What leaves instead of the application's answer when its tasks could not be stored. */
export interface Refusal {
  readonly status: number
  /** Lower-case names, in the order in which they leave; without a content-length. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Errors of a store that say nothing themselves: the client may come back after this many seconds. */
const RETRY_AFTER_SECONDS = 5

/**
 * Headers of the application's answer that stay on the refusal, by name or by beginning. They do not speak of the
 * answer but of the connection between the two sides: without its CORS headers a browser hides the 503 and its
 * Retry-After from the page. Everything else (cookies, location, etag, caching, encodings) belongs to an answer
 * that never was.
 */
const KEPT = new Set([
  'date',
  'connection',
  'keep-alive',
  'vary',
  'timing-allow-origin',
  'strict-transport-security',
  'x-content-type-options',
  'x-request-id',
  'request-id',
])

const TASKS_REFUSED = 'The request was not accepted: its background tasks could not be stored.'
const SESSION_REFUSED = 'The request was not accepted: its database session could not be committed.'

/** The refusal for an error of the store, or of a database session. Never holds the error's text, which may name files of the server. */
export function refusalOf(error: unknown): Refusal {
  const { code, statusCode, retryAfterSeconds } = (error ?? {}) as Record<string, unknown>
  const status = isErrorStatus(statusCode) ? statusCode : 503
  const seconds = typeof retryAfterSeconds === 'number' ? retryAfterSeconds : RETRY_AFTER_SECONDS
  const known = typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code)
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      ...(status === 503 ? { 'retry-after': String(Math.ceil(seconds)) } : {}),
    },
    body: JSON.stringify({
      error: known ? code : 'STORE_FAILED',
      message: known && code.startsWith('SESSION_') ? SESSION_REFUSED : TASKS_REFUSED,
    }),
  }
}

/** Whether a header of the application's answer, named in any case, stays on the refusal. */
export function staysOnRefusal(name: string): boolean {
  const lower = name.toLowerCase()
  return KEPT.has(lower) || lower.startsWith('access-control-') || lower.startsWith('cross-origin-')
}

function isErrorStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599
}
