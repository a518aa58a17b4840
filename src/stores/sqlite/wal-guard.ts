import { statSync } from 'node:fs'
import type { Clock } from '../../ports/clock.ts'
import type { WalSync } from './wal-sync.ts'

/** How often all three names are looked at; between two looks only the log itself is asked whether it still has a name. */
const LOOK_MS = 100

/** What SQLite keeps beside the database, and the database itself. */
const SUFFIXES = ['', '-wal', '-shm'] as const

/**
 * Notices that an outsider deleted or replaced a file of an open database: a clean-up, a restore, a copy put in its place.
 * SQLite goes on with the descriptors it has, so that everything would be acknowledged into files that no longer have a
 * name, while whoever opens the store next begins with others.
 *
 * Files are told apart by device and inode, by `stat` alone: opening and closing one of them would drop SQLite's locks.
 */
export class WalGuard {
  readonly #file: string
  readonly #wal: WalSync
  readonly #clock: Clock
  readonly #known: readonly string[]
  #lookedMs: number

  /** Remembers the files as they are: all three are there once something was written. */
  constructor(file: string, wal: WalSync, clock: Clock) {
    this.#file = file
    this.#wal = wal
    this.#clock = clock
    this.#known = SUFFIXES.map((suffix) => identity(`${file}${suffix}`))
    this.#lookedMs = clock.monotonicMs()
  }

  /** The name of a file that is gone or another one; undefined when all are as they were. */
  changed(): string | undefined {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#lookedMs < LOOK_MS && this.#wal.hasName) return undefined
    this.#lookedMs = nowMs
    const suffix = SUFFIXES.find((suffix, at) => identity(`${this.#file}${suffix}`) !== this.#known[at])
    return suffix === undefined ? undefined : `${this.#file}${suffix}`
  }
}

function identity(path: string): string {
  const facts = statSync(path, { throwIfNoEntry: false })
  return facts === undefined ? 'none' : `${facts.dev}:${facts.ino}`
}
