import { AfterwordError } from '../model/errors.ts'
import { firstLine } from './crossing-error.ts'
import type { Death } from './isolate.ts'

/** The signals with which a process ends itself, or the processor ends it: nobody sent them. */
const NATIVE: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
])

/** What is known of the end of a child process. */
export interface ProcessEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** The error that nobody caught, if it told of one. */
  readonly crash: Error | undefined
  /** What it wrote to stderr last. */
  readonly said: string
  /** The limit of its heap, in megabytes. */
  readonly memoryMb: number
}

/** Reads the end of a child process. */
export function processDeath({ exitCode, signal, crash, said, memoryMb }: ProcessEnd): Death {
  const cause = crash ?? evidence(said)
  const options = cause && { cause }
  // V8 aborts when its heap is full, after it has said so.
  if (signal !== null && /^FATAL ERROR: .*out of memory/.test(said)) {
    return {
      hasLived: true,
      reason: 'the process ran out of memory',
      cause,
      error: (name, ranMs) => new AfterwordError('PROCESS_OUT_OF_MEMORY', { name, memoryMb, ranMs }, options),
    }
  }
  if (signal !== null) {
    const code = NATIVE.has(signal) ? 'PROCESS_CRASHED_NATIVELY' : 'PROCESS_KILLED'
    return {
      hasLived: true,
      reason: `the process ended by ${signal}`,
      cause,
      error: (name, ranMs) => new AfterwordError(code, { name, signal, ranMs }, options),
    }
  }
  const code = exitCode ?? 0
  if (crash === undefined) {
    return {
      hasLived: true,
      reason: `it ended the process with exit code ${code}`,
      cause,
      error: (name, ranMs) => new AfterwordError('PROCESS_EXITED', { name, exitCode: code, ranMs }, options),
    }
  }
  const reason = firstLine(crash)
  return {
    hasLived: true,
    reason,
    cause,
    error: (name, ranMs) => new AfterwordError('PROCESS_CRASHED', { name, exitCode: code, ranMs, reason }, options),
  }
}

/** The end of a child process that never was. */
export function notStarted(cause: Error): Death {
  const reason = firstLine(cause)
  return {
    hasLived: false,
    reason,
    cause,
    error: (name) => new AfterwordError('PROCESS_NOT_STARTED', { name, reason }, { cause }),
  }
}

/** As an error, for that is what is stored: its message is what the process said. */
function evidence(said: string): Error | undefined {
  if (said === '') return undefined
  const error = new Error(said)
  error.name = 'Stderr'
  // It would be ours.
  delete error.stack
  return error
}
