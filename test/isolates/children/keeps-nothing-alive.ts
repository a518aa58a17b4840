/** A program that uses a thread or child process and stops nothing: `node keeps-nothing-alive.ts KIND` ends by itself, with the task done. */
import { createBackground } from '../../../src/background.ts'
import { inProcess, inThread } from './isolated-tasks.ts'

const { burns } = process.argv[2] === 'process' ? inProcess : inThread
const background = createBackground({ store: 'memory:', tasks: [burns] })
background.on('attempt:end', ({ state }) => process.stdout.write(state))
await background.start()
await background.add(burns, 100)
