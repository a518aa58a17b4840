import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import type { ProcessSettings } from './messages.ts'

const CHILD = new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url)

/** Starts a process that hosts the application. Web processes are workers of node:cluster, by which they share their port. */
export function spawn(settings: ProcessSettings, args: readonly string[]): ChildProcess {
  const env = { AFTERWORD_PROCESS: JSON.stringify(settings) }
  if (settings.role === 'worker') return fork(CHILD, args, { env: { ...process.env, ...env } })
  const execArgv = [...process.execArgv, '--import', CHILD.href]
  cluster.setupPrimary({ exec: settings.entry, args: [...args], execArgv })
  return cluster.fork(env).process
}
