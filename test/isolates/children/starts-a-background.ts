import { createBackground } from '../../../src/background.ts'
import { defineTask } from '../../../src/define-task.ts'

/** Wants a background of its own in its thread. */
export const starts = defineTask({
  name: 'starts-a-background',
  thread: true,
  retry: { attempts: 1 },
  run: () => createBackground({ store: 'memory:' }).start(),
})
