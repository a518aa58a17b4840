/** A program that dies while a task spins in its child process, which has the same stdout: `node leaves-an-orphan.ts`. */
import { createBackground } from '../../../src/background.ts'
import { inProcess } from './isolated-tasks.ts'

const background = createBackground({ store: 'memory:', tasks: [inProcess.spins] })
background.on('attempt:progress', ({ value }) => {
  process.stdout.write(String(value), () => process.kill(process.pid, 'SIGKILL'))
})
await background.add(inProcess.spins)
