/**
 * The history of a run: one file that every process appends to, the ones under test and the one that torments them.
 *
 * Each line is one `write` to a descriptor opened for appending: lines never mix, and the order of the file is an order
 * in which things happened, for a process goes on only when its line is there. What was written survives SIGKILL, because
 * the page cache does. A process that is killed between a deed and its line leaves the deed untold: the checkers know.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** How an attempt left its function. `interrupted`: it heeded its signal. */
export type AttemptEnding = 'ok' | 'threw' | 'gave up' | 'interrupted'

/** What the tormentor does. `sync-error` arms the fault, `sync-failed` says that it has struck. */
export type Fault = 'kill' | 'stop' | 'continue' | 'term' | 'fill' | 'free' | 'sync-error' | 'sync-failed' | 'heal'

/** One attempt as its marks name it. */
export interface AttemptMark {
  readonly worker: number
  readonly id: string
  readonly attempt: number
}

/** What happened. `n` is a request, `server` one start of one process (the first is 1), `worker` an incarnation. */
export type Happening =
  | { readonly what: 'sent'; readonly n: number; readonly server: number }
  | { readonly what: 'kept'; readonly n: number; readonly server: number; readonly ids: readonly string[] }
  | { readonly what: 'refused'; readonly n: number; readonly server: number; readonly code: string }
  | { readonly what: 'unanswered'; readonly n: number; readonly server: number }
  | { readonly what: 'started'; readonly server: number; readonly pid: number }
  | { readonly what: 'registered'; readonly server: number; readonly worker: number }
  | ({ readonly what: 'begin'; readonly server: number; readonly n: number; readonly step: number } & AttemptMark)
  | ({ readonly what: 'end'; readonly server: number; readonly how: AttemptEnding } & AttemptMark)
  | ({ readonly what: 'recorded'; readonly server: number; readonly state: string } & AttemptMark)
  | ({ readonly what: 'claim-lost'; readonly server: number } & AttemptMark)
  | { readonly what: 'fenced'; readonly server: number; readonly worker: number }
  | { readonly what: 'rescued'; readonly server: number; readonly worker: number; readonly requeued: readonly string[] }
  | { readonly what: 'store-failed'; readonly server: number }
  | { readonly what: 'stopped'; readonly server: number; readonly handedBack: number; readonly abandoned: number }
  | { readonly what: Fault; readonly server?: number; readonly point?: string }
  | {
      readonly what: 'exit'
      readonly server: number
      readonly code: number | null
      readonly signal: string | null
      readonly awaited: boolean
    }
  | { readonly what: 'memory'; readonly server: number; readonly bytes: number }

/** One line: what happened, and when, in milliseconds of the machine's monotonic clock, which its processes share. */
export type Line = Happening & { readonly at: number }

/** Milliseconds of the monotonic clock that all processes of this machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}

/** Appends to a history. */
export class HistoryWriter {
  readonly #fd: number

  constructor(file: string) {
    this.#fd = openSync(file, 'a')
  }

  write(happening: Happening): void {
    writeSync(this.#fd, `${JSON.stringify({ at: nowMs(), ...happening })}\n`)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** All lines of a history, in order. */
export function readHistory(file: string): readonly Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}
