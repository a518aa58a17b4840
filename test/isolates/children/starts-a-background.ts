import { createBackground } from '../../../src/background.ts'
import { defineTask } from '../../../src/define-task.ts'

const options = { retry: { attempts: 1 }, run: () => createBackground({ store: 'memory:' }).start() }

/** Wants a background of its own in its thread. */
export const startsInThread = defineTask({ name: 'starts-in-thread', thread: true, ...options })

/** The same in a child process. */
export const startsInProcess = defineTask({ name: 'starts-in-process', isolate: 'process', ...options })
