/** Tasks that end their process in ways which would take a thread's whole process with them. */
import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import { defineTask } from '../../../src/define-task.ts'
import type { TaskContext } from '../../../src/model/definition.ts'
import { here } from './isolated-tasks.ts'

/** Ends its process: with a signal, or in another of these ways. Its last words come first. */
export const falls = defineTask({
  name: 'falls',
  isolate: 'process',
  retry: { attempts: 1 },
  run(how: NodeJS.Signals | 'abort' | 'overflow' | 'exit' | 'disconnect') {
    writeSync(2, 'the last words\n')
    if (how === 'abort') process.abort()
    if (how === 'exit') process.exit(0)
    if (how === 'disconnect') process.disconnect()
    else if (how === 'overflow') recurse()
    else process.kill(process.pid, how)
    return new Promise<never>(() => undefined)
  },
})

/** In a process that was started with too large a `--stack-size`, a real segmentation fault. */
function recurse(): void {
  recurse()
}

/** Speaks to its parent by itself, before it returns. */
export const sends = defineTask({
  name: 'sends',
  isolate: 'process',
  run() {
    for (const message of ['ready', 5, { afterword: undefined }, { kind: 'returned' }]) process.send?.(message)
    return 'done'
  },
})

/** Hears the signals of its process group, as a terminal sends them, and goes on. */
export const goesOn = defineTask({
  name: 'goes-on',
  isolate: 'process',
  async run(_: undefined, { progress }: TaskContext) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const heard = new Promise((resolve) => process.once(signal, resolve))
      process.kill(process.pid, signal)
      await heard
    }
    progress('still here')
    return 'went on'
  },
})

/** Ends its process and leaves a program behind, which has the same stderr. Reports the ids of both. */
export const leavesAProgram = defineTask({
  name: 'leaves-a-program',
  isolate: 'process',
  run(_: undefined, { progress }: TaskContext) {
    const program = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'inherit'] })
    progress({ program: program.pid!, there: here() })
    process.exit(3)
  },
})
