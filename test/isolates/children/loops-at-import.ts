/** A module that loops for ever while it is imported in an isolate. */
import { defineTask } from '../../../src/define-task.ts'

/** Loops for ever in a thread. */
export const loopsInThread = defineTask({ name: 'loops-in-thread', thread: true, run: () => 1 })

/** The same in a child process. */
export const loopsInProcess = defineTask({ name: 'loops-in-process', isolate: 'process', run: () => 1 })

// This is how the library itself knows that it stands in an isolate.
while (Symbol.for('afterword.isolate') in globalThis);
