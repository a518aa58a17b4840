/** Definitions that a test and the processes that it starts share by name. */
import { appendFileSync } from 'node:fs'
import { defineTask } from '../../src/define-task.ts'
import { gate, untilAborted } from './bench.ts'

/** Appends a line to a file, which survives whatever happens to the process. */
export const note = defineTask({
  name: 'note',
  run: ({ file, text }: { file: string; text: string }) => appendFileSync(file, `${text}\n`),
})

/** Tells how it was called. */
export const tell = defineTask({
  name: 'tell',
  run: (_: undefined, { attempt, crashes }) => ({ attempt, crashes, pid: process.pid }),
})

/** Goes on until its signal aborts. */
export const heeds = defineTask({ name: 'heeds', run: (_: undefined, { signal }) => untilAborted(signal) })

/** Goes on for ever. */
export const ignores = defineTask({ name: 'ignores', run: () => new Promise<void>(() => undefined) })

/** Ends its process without a word. */
export const dies = defineTask({ name: 'dies', run: () => process.kill(process.pid, 'SIGKILL') })

/** Pays once, which is a line in a file; the process that has paid dies before it can say so. Gives the process that has. */
export const pays = defineTask({
  name: 'pays',
  async run({ file }: { file: string }, { once }) {
    const payer = await once('pay', () => {
      appendFileSync(file, 'paid\n')
      return process.pid
    })
    if (payer === process.pid) process.kill(process.pid, 'SIGKILL')
    return payer
  },
})

const released = gate<string>()

/** Waits until its process is told to go on; says whether its signal had aborted by then. */
export const waits = defineTask({
  name: 'waits',
  run: async (_: undefined, { signal }) => {
    await released.opened
    return signal.aborted
  },
})

/** Lets `waits` go on in this process. */
export const release = (): void => released.open('')

/** Keeps the event loop from turning for so many milliseconds. */
export const blocks = defineTask({
  name: 'blocks',
  run: (ms: number) => {
    const untilMs = performance.now() + ms
    while (performance.now() < untilMs);
  },
})

/** All of them. */
export const DEFINITIONS = [note, tell, heeds, ignores, dies, pays, waits, blocks]
