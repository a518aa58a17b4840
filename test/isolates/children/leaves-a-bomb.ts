import { defineTask } from '../../../src/define-task.ts'

function leaveABomb(): string {
  setImmediate(() => {
    throw new Error('too late')
  })
  return 'done'
}

/** Succeeds in a thread, and leaves something behind that throws. */
export const leavesABombInThread = defineTask({ name: 'leaves-a-bomb-in-thread', thread: true, run: leaveABomb })

/** The same in a child process. */
export const leavesABombInProcess = defineTask({
  name: 'leaves-a-bomb-in-process',
  isolate: 'process',
  run: leaveABomb,
})
