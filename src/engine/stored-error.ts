import { received } from '../model/received.ts'
import type { StoredError } from '../model/task.ts'

const MESSAGE_MAX = 4_096
const STACK_MAX = 8_192

/** Whatever was thrown, as plain data of bounded size. Never throws, whatever the value's getters do. */
export function storedError(error: unknown, withCause = true): StoredError {
  try {
    if (!(error instanceof Error)) return { name: 'Thrown', message: cut(received(error), MESSAGE_MAX) }
    const code = (error as { code?: unknown }).code
    return {
      name: cut(String(error.name), 100),
      message: cut(String(error.message), MESSAGE_MAX),
      ...(typeof code === 'string' || typeof code === 'number' ? { code: cut(String(code), 100) } : {}),
      ...(typeof error.stack === 'string' ? { stack: cut(error.stack, STACK_MAX) } : {}),
      ...(error.cause === undefined || !withCause ? {} : { cause: storedError(error.cause, false) }),
    }
  } catch {
    return { name: 'Thrown', message: 'A value that throws when it is looked at.' }
  }
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
