/** A task that blocks the event loop, and may run in a thread instead. The module starts nothing, so that a thread may import it. */
import { isMainThread } from 'node:worker_threads'
import { defineTask } from '../../../src/define-task.ts'

export const leavesTheLoop = defineTask({
  name: 'leaves-the-loop',
  onBlock: 'thread',
  run() {
    const untilMs = performance.now() + 200
    while (performance.now() < untilMs);
    return isMainThread
  },
})
