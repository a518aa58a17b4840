/** The same computation on the event loop, in a thread and in a child process. The module starts nothing. */
import { defineTask } from 'afterword'

/** One place for all of them: one runs at a time, and the next begins when it ends. */
export const QUEUE = 'burning'

/** Holds a core for that many milliseconds. */
function burn(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** By what runs them. */
export const BURNS = {
  loop: defineTask({ name: 'burn-on-the-loop', queue: QUEUE, run: burn }),
  thread: defineTask({ name: 'burn-in-a-thread', queue: QUEUE, thread: true, run: burn }),
  process: defineTask({ name: 'burn-in-a-process', queue: QUEUE, isolate: 'process', run: burn }),
} as const

/** What runs a task. */
export type Runs = keyof typeof BURNS
