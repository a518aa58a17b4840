/** The background of the demo: where its tasks are stored, and how many run at once. */
import { join } from 'node:path'
import { createBackground } from 'afterword'
import { dataDir } from './settings.ts'
import { makeThumbnails, sendWelcome } from './tasks.ts'

export const background = createBackground({
  store: `sqlite:${join(dataDir, 'tasks.db')}`,
  tasks: [makeThumbnails, sendWelcome],
  // Pictures are made one at a time: they need the processor, and so do the answers.
  queues: { mail: 4, pictures: 1 },
  // The page counts its tasks against the store for as long as you like to come back to it.
  retention: { succeeded: '30d' },
  logger: {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields, message) => console.warn(message),
    error: (_fields, message) => console.error(message),
  },
})

/** Tasks that are stored and still have to run, or to end. */
export async function unfinished(): Promise<number> {
  const counts = await background.counts()
  return [...counts.values()].flatMap((states) => Object.values(states)).reduce((sum, count) => sum + count, 0)
}
