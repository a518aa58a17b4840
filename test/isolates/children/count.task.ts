/** A task that says where a thread finds it: beside the bundle there is a file with it alone. */
import { isMainThread } from 'node:worker_threads'
import { defineTask } from 'afterword'

/** Counts up to its input, in a thread. */
export const count = defineTask({
  name: 'count',
  thread: true,
  module: process.env['WITHOUT_MODULE'] === undefined ? new URL('./count.task.js', import.meta.url) : undefined,
  run: (to: number) => (isMainThread ? -1 : Array.from({ length: to }).length),
})
