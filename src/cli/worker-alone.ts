import { pathToFileURL } from 'node:url'
import { systemClock } from '../ports/system.ts'
import { ApplicationHost } from './application-host.ts'
import type { WorkerSettings } from './command.ts'
import { exit } from './exit.ts'
import type { FromProcess } from './messages.ts'
import { readyText, stoppedText } from './phrases.ts'
import { OwnSignals, StopSignals } from './signals.ts'
import type { StatusLines, Subject } from './status-lines.ts'

/** `afterword worker`: hosts the application in this process, as a worker. */
export function workAlone({ args, process: settings }: WorkerSettings, lines: StatusLines): void {
  process.argv.splice(2, Infinity, ...args)
  let subject: Subject = { role: 'worker', pid: process.pid }
  const tell = (message: FromProcess): Promise<void> => {
    if (message.kind === 'ready') {
      subject = { ...subject, incarnations: message.incarnations }
      lines.say('ready', subject, readyText(settings.role, message))
      for (const warning of message.warnings) lines.say('warning', subject, warning)
      // What PM2 waits for when it is told to (wait_ready).
      process.send?.('ready')
    } else if (message.kind === 'stopped') lines.say('stopped', subject, stoppedText(message))
    else if (message.kind === 'refused') lines.say('failed', subject, message.message)
    return Promise.resolve()
  }
  const stopping = new StopSignals(
    systemClock,
    (signal) => {
      lines.say('stopping', subject, `stops after ${signal}`)
      host.stop({ graceMs: undefined, gently: false })
    },
    () => {
      lines.say('stopping', subject, 'hurries after a second signal')
      host.hurry()
    },
  )
  const signals = new OwnSignals((signal) => stopping.heard(signal))
  const passOn = (): boolean => signals.passOn()
  const host = new ApplicationHost({ settings, clock: systemClock, tell, hold: holding(), passOn, exit })
  host.prepare()
  void import(pathToFileURL(settings.entry).href).then(() => host.loaded())
}

/** A timer keeps the process alive. */
function holding(): (alive: boolean) => void {
  let timer: { cancel(): void } | undefined
  const wait = (): void => {
    timer = systemClock.after(2 ** 31 - 1, wait, true)
  }
  return (alive) => {
    timer?.cancel()
    timer = undefined
    if (alive) wait()
  }
}
