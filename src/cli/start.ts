import cluster from 'node:cluster'
import { isatty } from 'node:tty'
import { AfterwordError } from '../index.ts'
import { systemChance, systemClock } from '../ports/system.ts'
import type { StartSettings } from './command.ts'
import { exit } from './exit.ts'
import { StopSignals } from './signals.ts'
import { spawn } from './spawn.ts'
import type { StatusLines } from './status-lines.ts'
import { Supervisor } from './supervisor.ts'

/**
 * `afterword start`: this process becomes the supervisor.
 *
 * @throws START_IN_CLUSTER.
 */
export async function start(settings: StartSettings, lines: StatusLines): Promise<void> {
  if (cluster.isWorker) throw new AfterwordError('START_IN_CLUSTER', {})
  const supervisor = new Supervisor({ settings, clock: systemClock, chance: systemChance, lines, spawn })
  const stopping = new StopSignals(
    systemClock,
    (signal) => supervisor.stop(`after ${signal}`),
    () => supervisor.hurry(),
  )
  const hadTerminal = isatty(0)
  process.on('SIGTERM', () => stopping.heard('SIGTERM'))
  process.on('SIGINT', () => stopping.heard('SIGINT'))
  process.on('SIGHUP', () => {
    // A terminal that was closed says the same, and is no terminal any more.
    if (hadTerminal && !isatty(0)) stopping.heard('SIGHUP')
    else supervisor.reload('SIGHUP')
  })
  exit(await supervisor.run())
}
