/** What runs in a task thread: errands, told through its port. */
import { parentPort } from 'node:worker_threads'
import { Errands } from './errands.ts'
import type { ToIsolate } from './messages.ts'

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- The port of a thread has no origin.
const errands = new Errands((message) => parentPort?.postMessage(message))

parentPort?.on('message', (message: ToIsolate) => errands.heard(message))
