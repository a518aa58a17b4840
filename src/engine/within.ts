import type { Clock } from '../ports/clock.ts'

/** Waits for `work`, but no longer than `ms`. Never rejects: the caller looks at what is left. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(ms, resolve, true)
    const done = (): void => {
      timer.cancel()
      resolve()
    }
    work.then(done, done)
  })
}
