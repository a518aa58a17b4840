/** An application that a test bundles into one file: it may import its task, but a thread must not import it. */
import { createBackground } from 'afterword'
import { count } from './count.task.ts'

const background = createBackground({ store: 'memory:', tasks: [count] })
try {
  process.stdout.write(String(await background.result(await background.add(count, 20))))
} catch (error) {
  process.stdout.write((error as { code: string }).code)
}
await background.stop()
