import type { Clock } from '../ports/clock.ts'

/** What is given in the place of an answer that took too long. */
export const LATE = Symbol('late')

/**
 * Waits for an answer, at most `ms` milliseconds. One that comes later is dropped, be it an error or not; whoever has to know keeps
 * the promise.
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
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- It is passed on as it came.
        reject(error)
      },
    )
  })
}
