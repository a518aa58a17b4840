import { defineTask } from '../../../src/define-task.ts'

/** Succeeds, and leaves something behind that throws. */
export const leavesABomb = defineTask({
  name: 'leaves-a-bomb',
  thread: true,
  run() {
    setImmediate(() => {
      throw new Error('too late')
    })
    return 'done'
  },
})
