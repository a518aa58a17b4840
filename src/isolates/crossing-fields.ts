import { inspect } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { arrivedError, type CrossingError, crossingError } from './crossing-error.ts'

const ERROR = '~error'

/** The fields of a log line on their way out of an isolate: errors keep their code, and what cannot be copied goes as text. */
export function crossingFields(fields: object): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, crossing(value)]))
}

function crossing(value: unknown): unknown {
  if (value instanceof Error) return { [ERROR]: crossingError(value) }
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? inspect(value) : value
  try {
    // Not a structured clone: that knows things which a channel between processes does not.
    return deserialize(serialize(value))
  } catch {
    return inspect(value)
  }
}

/** The same on this side, with errors as errors. */
export function arrivedFields(fields: object): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, arrived(value)]))
}

function arrived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(ERROR in value)) return value
  return arrivedError(value[ERROR] as CrossingError)
}
