import { join } from 'node:path'
import { createBackground } from '../../src/background.ts'
import type { Logger } from '../../src/model/logger.ts'
import { DATABASE } from './image-files.ts'
import { definitions } from './tasks.ts'

const DRAIN_MS_MAX = 60_000
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Starts the product on an image, as the restarted application would, and lets it run until no task is left. The dead
 * worker's lock files may be gone with the power: then its lease has to pass.
 *
 * @returns how many tasks are left after all; 0 is what has to be.
 */
export async function drain(folder: string): Promise<number> {
  const background = createBackground({
    store: `sqlite:${join(folder, DATABASE)}`,
    tasks: Object.values(definitions(() => undefined)),
    beat: 100,
    lease: 1_000,
    poll: 100,
    logger: SILENT,
  })
  const { promise: over, resolve } = Promise.withResolvers<number>()
  const left = async (): Promise<number> => {
    const counts = [...(await background.counts()).values()]
    return counts.reduce(
      (sum, { scheduled, waiting, ready, running }) => sum + scheduled + waiting + ready + running,
      0,
    )
  }
  const look = (): void =>
    void left().then(
      (count) => (count === 0 ? resolve(0) : undefined),
      () => resolve(-1),
    )
  const deadline = setTimeout(() => void left().then(resolve, () => resolve(-1)), DRAIN_MS_MAX)
  background.on('attempt:end', look)
  background.on('worker:rescued', look)
  try {
    await background.start()
    look()
    return await over
  } finally {
    clearTimeout(deadline)
    await background.stop()
  }
}
