/** A program that uses a thread and stops nothing: `node keeps-nothing-alive.ts` ends by itself, with the task done. */
import { createBackground } from '../../../src/background.ts'
import { burns } from './thread-tasks.ts'

const background = createBackground({ store: 'memory:', tasks: [burns] })
background.on('attempt:end', ({ state }) => process.stdout.write(state))
await background.start()
await background.add(burns, 100)
