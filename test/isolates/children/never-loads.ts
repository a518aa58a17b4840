/** A module whose import never ends in an isolate: it waits, as many do for a connection, on something that never comes. */
import { defineTask } from '../../../src/define-task.ts'

/** Waits for ever in a thread. */
export const waitsInThread = defineTask({ name: 'waits-in-thread', thread: true, run: () => 1 })

/** The same in a child process. */
export const waitsInProcess = defineTask({ name: 'waits-in-process', isolate: 'process', run: () => 1 })

// This is how the library itself knows that it stands in an isolate.
if (Symbol.for('afterword.isolate') in globalThis) await new Promise(() => undefined)
