import { isMainThread } from 'node:worker_threads'
import { defineTask } from '../../../src/define-task.ts'

/** Its module cannot be imported in a thread. */
export const task = defineTask({ name: 'fails-to-load', thread: true, run: () => 1 })

if (!isMainThread) throw new RangeError('no licence for threads')
