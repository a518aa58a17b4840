/**
 * An application in one file with its task, as one writes it first: `HOW=… node whole-application.ts`. Prints the code
 * with which its background refuses to start, or the result of the task.
 */
import { createServer } from 'node:http'
import { isMainThread } from 'node:worker_threads'
import { createBackground } from '../../../src/background.ts'
import { defineTask } from '../../../src/define-task.ts'
import { isAfterwordError } from '../../../src/model/errors.ts'

const how = process.env['HOW']
const task = defineTask({ name: 'whole', thread: true, run: () => isMainThread })
const background = createBackground({ store: 'memory:', tasks: [task] })

if (how === 'listens') {
  const server = createServer().listen(0)
  // So that this program ends.
  if (isMainThread) server.unref()
}
if (how === 'forgets' && !isMainThread) void background.start()
else if (how !== 'listens' || isMainThread) await begin()

async function begin(): Promise<void> {
  try {
    await background.start()
    process.stdout.write(String(await background.result(await background.add(task))))
    await background.stop()
  } catch (error) {
    if (!isMainThread || !isAfterwordError(error)) throw error
    process.stdout.write(`${error.code} ${error.message}`)
  }
}
