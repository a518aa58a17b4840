import { writeSync } from 'node:fs'
import type { Logger } from '../model/logger.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** A level of `AFTERWORD_LOG`. */
export type LogLevel = (typeof LEVELS)[number]

/** The level that the environment asks for; `warn` when it does not say or says something else. */
export function logLevel(env: Readonly<Record<string, string | undefined>>): LogLevel {
  const wanted = env['AFTERWORD_LOG']
  return LEVELS.find((level) => level === wanted) ?? 'warn'
}

/** The logger of those who brought none: one line of JSON per event, on stderr. A closed stderr is no error of a task. */
export function builtinLogger(level: LogLevel, now: () => number, write: (line: string) => void = toStderr): Logger {
  const from = LEVELS.indexOf(level)
  const at =
    (name: LogLevel) =>
    (fields: object, message: string): void => {
      if (LEVELS.indexOf(name) >= from) {
        write(lineOf({ level: name, time: new Date(now()).toISOString(), msg: message }, fields))
      }
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Not by way of `process.stderr`, nor of a console: when nobody reads the pipe any more, they end the process by an `error` event. */
function toStderr(line: string): void {
  try {
    writeSync(2, `afterword ${line}\n`)
  } catch {
    // Logging must never break the work.
  }
}

/** Logging must never break the work: fields that JSON cannot write are left out. */
function lineOf(entry: object, fields: object): string {
  try {
    return JSON.stringify({ ...entry, ...fields }, plain)
  } catch (error) {
    return JSON.stringify({ ...entry, unwritable: String(error) })
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  return typeof value === 'bigint' ? `${value}n` : value
}
