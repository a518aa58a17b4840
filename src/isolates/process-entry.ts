/** What runs in a task process: errands, told through its channel to the parent, for as long as there is one. */
import { Worker } from 'node:worker_threads'
import { crossingError } from './crossing-error.ts'
import { Errands } from './errands.ts'
import type { FromProcess, ToProcess } from './messages.ts'

const WATCH = new URL(import.meta.url.endsWith('.ts') ? './parent-watch.ts' : './parent-watch.js', import.meta.url)

/** Sent from a terminal or a supervisor to the whole group: they are the parent's to heed, which ends its children in order. */
const FOR_THE_PARENT = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

// A parent that is gone needs no answer.
const tell = (message: FromProcess['afterword']): void =>
  void process.send?.({ afterword: message } satisfies FromProcess, undefined, {}, () => undefined)

const errands = new Errands(tell)

for (const signal of FOR_THE_PARENT) process.on(signal, () => undefined)
new Worker(WATCH, { name: 'afterword-parent-watch', execArgv: [] }).unref()
process.on('uncaughtExceptionMonitor', (error) => tell({ kind: 'crashed', error: crossingError(error) }))
// A task may have closed the channel: then nobody would learn what it does.
process.on('disconnect', () => process.exit(1))
process.on('message', ({ afterword: message }: ToProcess) => errands.heard(message))
