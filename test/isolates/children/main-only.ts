import { isMainThread } from 'node:worker_threads'
import { defineTask } from '../../../src/define-task.ts'

const define = () => defineTask({ name: 'main-only', thread: true, run: () => 1 })

/** Not there in a thread. */
export const mainOnly = isMainThread ? define() : undefined
