import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import type { Clock } from '../../ports/clock.ts'

/** `inline` waits for the disk on the event loop, `async` on a thread of Node's pool. */
export type SyncMode = 'inline' | 'async'

/** Below this a sync on the loop costs the other requests less than the extra turn costs the task. Measured: mechanics 2.5. */
const INLINE_MS_MAX = 0.5

/**
 * Makes committed groups survive a power cut. The connection runs at `synchronous = NORMAL`, which writes the log
 * without syncing it; one `fdatasync` of the log before the acknowledgement gives what FULL gives, and can wait off
 * the loop. One sync is under way at a time; it covers all that was committed before it began.
 *
 * The descriptor of the log stays open for the life of the store and is closed before the connection, whose close
 * deletes the log. The log carries no POSIX locks, so opening it is harmless; the database and its -shm must never
 * be opened this way.
 */
export class WalSync {
  readonly #fd: number
  readonly #onFailure: (error: unknown) => void
  mode: SyncMode = 'inline'
  #running = false
  #next: { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } | undefined
  #closing: (() => void) | undefined

  constructor(walFile: string, onFailure: (error: unknown) => void) {
    this.#fd = openSync(walFile, 'r+')
    this.#onFailure = onFailure
  }

  /** Undefined when everything committed is durable on return; throws when the disk refused. */
  sync(): Promise<void> | undefined {
    if (this.mode === 'inline') {
      try {
        fdatasyncSync(this.#fd)
      } catch (error) {
        this.#onFailure(error)
        throw error
      }
      return undefined
    }
    this.#next ??= Promise.withResolvers<void>()
    const { promise } = this.#next
    if (!this.#running) this.#run()
    return promise
  }

  /** Chooses the mode that suits this disk: the median of a few real syncs decides. `touch` commits something small. */
  measure(clock: Clock, touch: () => void): SyncMode {
    const took: number[] = []
    for (let i = 0; i < 3; i++) {
      touch()
      const begun = clock.monotonicMs()
      fdatasyncSync(this.#fd)
      took.push(clock.monotonicMs() - begun)
    }
    took.sort((a, b) => a - b)
    this.mode = took[1]! <= INLINE_MS_MAX ? 'inline' : 'async'
    return this.mode
  }

  /** Waits for the sync under way and closes the descriptor. */
  async close(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => (this.#closing = resolve))
    closeSync(this.#fd)
  }

  #run(): void {
    const group = this.#next!
    this.#next = undefined
    this.#running = true
    fdatasync(this.#fd, (error) => {
      this.#running = false
      if (error) {
        this.#onFailure(error)
        group.reject(error)
      } else group.resolve()
      if (this.#next !== undefined) this.#run()
      else this.#closing?.()
    })
  }
}
