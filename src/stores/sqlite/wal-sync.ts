import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync } from 'node:fs'
import type { Clock } from '../../ports/clock.ts'

/** `inline` waits for the disk on the event loop, `async` on a thread of Node's pool. */
export type SyncMode = 'inline' | 'async'

/** Below this a sync on the loop costs the other requests less than the extra turn costs the task. Measured: mechanics 2.5. */
const INLINE_MS_MAX = 0.5

type Group = PromiseWithResolvers<void>

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
  readonly #onFailure: (error: unknown) => unknown
  mode: SyncMode = 'inline'
  #running = false
  #next: Group | undefined
  #closing: (() => void) | undefined
  /** What the first sync that failed became. */
  #failure: { readonly error: unknown } | undefined

  /** @param onFailure  told once; what it returns is what all callers get. */
  constructor(walFile: string, onFailure: (error: unknown) => unknown) {
    this.#fd = openSync(walFile, 'r+')
    this.#onFailure = onFailure
  }

  /** False once the log was deleted, or another file was put in its place. Costs a microsecond or two. */
  get hasName(): boolean {
    return fstatSync(this.#fd).nlink > 0
  }

  /** Undefined when everything committed is durable on return; throws when the disk refused. */
  sync(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.mode === 'inline') {
      try {
        fdatasyncSync(this.#fd)
      } catch (error) {
        throw this.#fail(error)
      }
      return undefined
    }
    this.#next ??= Promise.withResolvers<void>()
    const { promise } = this.#next
    if (!this.#running) this.#run()
    return promise
  }

  /** Chooses the mode that suits this disk: the median of a few real syncs decides. `touch` commits something small. */
  async measure(clock: Clock, touch: () => Promise<unknown>): Promise<SyncMode> {
    const took: number[] = []
    for (let i = 0; i < 3; i++) {
      await touch()
      const begun = clock.monotonicMs()
      fdatasyncSync(this.#fd)
      took.push(clock.monotonicMs() - begun)
    }
    took.sort((a, b) => a - b)
    this.mode = took[1]! <= INLINE_MS_MAX ? 'inline' : 'async'
    return this.mode
  }

  /** Makes durable what is not, outcomes for example, and closes the descriptor. */
  async close(): Promise<void> {
    try {
      await this.sync()
    } catch {
      // `onFailure` was told; nobody waits for this sync.
    }
    if (this.#running) await new Promise<void>((resolve) => (this.#closing = resolve))
    closeSync(this.#fd)
  }

  #run(): void {
    const group = this.#next!
    this.#next = undefined
    this.#running = true
    fdatasync(this.#fd, (error) => {
      this.#running = false
      if (error) this.#refuse(group, this.#fail(error))
      else group.resolve()
      if (this.#next !== undefined) this.#run()
      else this.#closing?.()
    })
  }

  /**
   * A sync that failed is never repeated: the system reports lost pages once, and the next sync succeeds without them.
   * What was committed behind them is lost with them, so the group that waits is refused as well.
   */
  #refuse(group: Group, error: unknown): void {
    group.reject(error)
    this.#next?.reject(error)
    this.#next = undefined
  }

  #fail(error: unknown): unknown {
    this.#failure ??= { error: this.#onFailure(error) }
    return this.#failure.error
  }
}
