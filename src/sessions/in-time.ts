import type { Clock } from '../ports/clock.ts'

/** What is given in the place of an answer that took too long. */
export const LATE = Symbol('late')

/**
 * Waits for an answer, at most `ms` milliseconds. One that comes later is dropped, be it an error or not; whoever has to know keeps
 * the promise. Two races and their timer would make a dozen more objects for each session.
 *
 * @throws what `work` is rejected with, in time.
 */
export function inTime<T>(work: Promise<T>, ms: number, clock: Clock, keepAlive: boolean): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => resolve(LATE), keepAlive)
    work.then(
      (answer) => {
        timer.cancel()
        resolve(answer)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}
