import cluster from 'node:cluster'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../ports/system.ts'
import { ApplicationHost } from './application-host.ts'
import { exit } from './exit.ts'
import type { FromProcess, ProcessSettings, ToProcess } from './messages.ts'
import { OwnSignals } from './signals.ts'

/** Hosts the application in a process that a supervisor started, which is told what happens over the channel. */
export function hostSupervised(settings: ProcessSettings): void {
  const ending = { graceMs: undefined, gently: false }
  const signals = new OwnSignals((signal) => {
    if (!host.isStopping) void tell({ kind: 'stopping', signal })
    host.stop(ending)
  })
  const host = new ApplicationHost({
    settings,
    clock: systemClock,
    tell,
    hold,
    passOn: () => signals.passOn(),
    exit,
  })
  process.on('message', (message: ToProcess) => {
    if (message.kind === 'hurry') host.hurry()
    else host.stop(message)
  })
  // Without a supervisor nobody would ever stop it.
  process.on('disconnect', () => host.stop(ending))
  // Else node:cluster ends the process at that moment, whatever is in flight.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true
  host.prepare()
  load(host, settings)
}

function load(host: ApplicationHost, { role, entry }: ProcessSettings): void {
  const { href } = pathToFileURL(entry)
  const loaded = (): void => host.loaded()
  if (role === 'worker') void import(href).then(loaded)
  // Node imports it as the main module after the preloaded one: this import is over when that is, and what it throws ends the process.
  else systemClock.soon(() => void import(href).then(loaded, () => undefined))
}

function tell(message: FromProcess): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) resolve()
    else process.send(message, undefined, undefined, () => resolve())
  })
}

/** The channel keeps the process alive. */
function hold(alive: boolean): void {
  if (alive) process.channel?.ref()
  else process.channel?.unref()
}
