/** A program that logs, by the built-in logger, when it is told to: its parent has closed the pipe by then. */
import { createBackground, defineTask } from '../../../src/index.ts'

const fails = defineTask({ name: 'fails', retry: { attempts: 1 }, run: () => Promise.reject(new Error('no')) })
const greet = defineTask({ name: 'greet', run: () => 'hello' })
const background = createBackground({ store: 'memory:', tasks: [fails, greet] })
await background.start()
process.on('message', () => void work())
process.send?.('ready')

async function work(): Promise<void> {
  for (let i = 0; i < 3; i++) await background.result((await background.add(fails)).id).catch(() => undefined)
  const greeting = await background.result((await background.add(greet)).id)
  await background.stop()
  process.send?.(greeting)
  process.disconnect()
}
