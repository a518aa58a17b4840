import { isMainThread } from 'node:worker_threads'
import { defineTask } from '../../../src/define-task.ts'

/** In version 1 its input was the name alone. */
export const greets = defineTask({
  name: 'greets-in-thread',
  thread: true,
  version: 2,
  upgrade: { 1: (name: string) => ({ name }) },
  run: ({ name }: { name: string }) => ({ hello: name, isMainThread }),
})
