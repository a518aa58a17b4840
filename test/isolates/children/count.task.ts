/** A task that says where a thread finds it: beside the bundle there is a file with it alone. */
import { isMainThread } from 'node:worker_threads'
import { defineTask } from 'afterword'

const how = process.env['ISOLATE'] === undefined ? { thread: true } : { isolate: 'process' as const }

/** Counts up to its input, in a thread or a child process. */
export const count = defineTask({
  name: 'count',
  ...how,
  module: process.env['WITHOUT_MODULE'] === undefined ? new URL('./count.task.js', import.meta.url) : undefined,
  run: (to: number) => (isMainThread && process.send === undefined ? -1 : Array.from({ length: to }).length),
})
