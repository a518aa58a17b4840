import { AfterwordError } from '../../model/errors.ts'
import type { Chance } from '../../ports/chance.ts'
import type { Clock } from '../../ports/clock.ts'

const IMMEDIATE_TRIES = 3
const WAIT_MS_MAX = 10_000

/** What an attempt gives when another process is in the way. */
export const BUSY = Symbol('busy')

/** What waiting needs. */
export interface WaitParts {
  readonly clock: Clock
  readonly chance: Chance
  /** Is given what ends the wait at once, when it is known that the way is free. */
  wakeable?(wake: () => void): void
}

/**
 * Attempts something until no other process is in the way. SQLite's own handler would sleep on the event loop and is
 * unfair between processes (one of four got a single commit in four seconds); here the wait is asynchronous: three
 * turns of the loop, then 1 to 3 ms at random.
 *
 * @param begunMs  since when the caller waits, by the monotonic clock. However long that is, there is one attempt.
 * @throws STORE_BUSY  after ten seconds, and what the attempt throws.
 */
export async function untilFree<T>(
  attempt: () => T | typeof BUSY,
  file: string,
  begunMs: number,
  parts: WaitParts,
): Promise<T> {
  const { clock, chance } = parts
  for (let tries = 0; ; tries++) {
    const done = attempt()
    if (done !== BUSY) return done
    const waitedMs = clock.monotonicMs() - begunMs
    if (waitedMs > WAIT_MS_MAX) throw new AfterwordError('STORE_BUSY', { file, waitedMs: Math.round(waitedMs) })
    await new Promise<void>((resolve) => {
      if (tries < IMMEDIATE_TRIES) clock.soon(resolve)
      else clock.after(1 + chance.fraction() * 2, resolve, true)
      parts.wakeable?.(resolve)
    })
  }
}
