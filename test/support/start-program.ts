import { type ChildProcess, fork, type ForkOptions } from 'node:child_process'
import { join } from 'node:path'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/afterword-tests')

/**
 * Starts a program of ours in a process of its own. What it compiles is kept for the next one, once it calls
 * `flushCompileCache` or ends: compiling is three quarters of what a start costs. Coverage would suffer from it.
 */
export function startProgram(path: string, args: readonly string[], options: ForkOptions = {}): ChildProcess {
  const cached = process.env['NODE_V8_COVERAGE'] === undefined ? { NODE_COMPILE_CACHE: CACHE } : {}
  return fork(path, args, { ...options, env: { ...process.env, ...cached } })
}
