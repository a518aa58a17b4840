/**
 * A recording: what a program did to its files and what it was promised meanwhile, in one order.
 *
 * `recorder.c` writes one record per call. The program notes its promises in a file of the recorded folder, which makes
 * them records like all others; here they become marks.
 */
import { readFileSync } from 'node:fs'

/** The file, at the top of the recorded folder, in which the program notes what it did and was promised. */
export const HISTORY = 'history'

/** One thing that happened. Files are numbered by the recorder: one made again under the same name is another. */
export type Happening =
  | {
      readonly kind: 'open'
      readonly file: number
      readonly path: string
      readonly created: boolean
      readonly folder: boolean
    }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly kind: 'sync-begin'; readonly file: number; readonly sync: number; readonly mainThread: boolean }
  | { readonly kind: 'sync-end'; readonly file: number; readonly sync: number }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'make-folder'; readonly path: string }
  | ({ readonly kind: 'mark' } & Mark)

/**
 * What the program notes. `try`: it is about to add task n. `ack`: the task is acknowledged, with that durability.
 * `ran`: its function was called.
 */
export interface Mark {
  readonly what: 'try' | 'ack' | 'ran'
  readonly n: number
  readonly durability: 'power' | 'process' | undefined
}

/** A mark as the program writes it. */
export function markLine(what: Mark['what'], n: number, durability?: Mark['durability']): string {
  return `${what} ${n}${durability === undefined ? '' : ` ${durability}`}\n`
}

const HEADER_BYTES = 24
const KINDS = ['', 'open', 'write', 'truncate', 'sync-begin', 'sync-end', 'unlink', 'rename', 'make-folder'] as const
const CREATED = 1
const IS_FOLDER = 2
const MAIN_THREAD = 4

/** Reads the recorder's log. Throws when it is not one. */
export function readRecording(log: string): readonly Happening[] {
  const bytes = readFileSync(log)
  const happenings: Happening[] = []
  let history: number | undefined
  for (let at = 0; at < bytes.length;) {
    const kind = KINDS[bytes.readUInt32LE(at)]
    const [file, flags, length] = [4, 8, 12].map((offset) => bytes.readUInt32LE(at + offset)) as [
      number,
      number,
      number,
    ]
    const offset = Number(bytes.readBigUInt64LE(at + 16))
    const payload = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length)
    at += HEADER_BYTES + length
    const happening = decode(kind, file, flags, offset, payload)
    if (happening.kind === 'open' && happening.path === HISTORY) history = file
    else if (file !== history || file === 0) happenings.push(happening)
    else if (happening.kind === 'write') happenings.push(...marks(payload.toString()))
  }
  return happenings
}

function decode(
  kind: (typeof KINDS)[number] | undefined,
  file: number,
  flags: number,
  offset: number,
  payload: Buffer,
): Happening {
  switch (kind) {
    case 'open': {
      const path = payload.toString()
      return { kind, file, path, created: (flags & CREATED) !== 0, folder: (flags & IS_FOLDER) !== 0 }
    }
    case 'write':
      return { kind, file, offset, bytes: payload }
    case 'truncate':
      return { kind, file, size: offset }
    case 'sync-begin':
      return { kind, file, sync: offset, mainThread: (flags & MAIN_THREAD) !== 0 }
    case 'sync-end':
      return { kind, file, sync: offset }
    case 'rename': {
      const [path = '', to = ''] = payload.toString().split('\n')
      return { kind, path, to }
    }
    case 'unlink':
    case 'make-folder':
      return { kind, path: payload.toString() }
    default:
      throw new Error(`The log of the recorder holds a record of an unknown kind.`)
  }
}

function marks(text: string): Happening[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [what, n, durability] = line.split(' ') as [Mark['what'], string, Mark['durability']]
      return { kind: 'mark', what, n: Number(n), durability }
    })
}
