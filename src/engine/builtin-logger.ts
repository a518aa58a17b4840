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
        write(JSON.stringify({ level: name, time: new Date(now()).toISOString(), msg: message, ...fields }, plain))
      }
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function toStderr(line: string): void {
  try {
    process.stderr.write(`afterword ${line}\n`)
  } catch {
    // Logging must never break the work.
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  return typeof value === 'bigint' ? `${value}n` : value
}
