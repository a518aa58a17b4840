/** Tasks that fill the heap of their isolate, each with a limit of its own. */
import { defineTask } from '../../../src/define-task.ts'
import { here } from './isolated-tasks.ts'

function fill(mb: number): string {
  const hoard: number[][] = []
  // A number takes 4 or 8 bytes there.
  for (let i = 0; i < mb * 8; i++) hoard.push(Array.from({ length: 16_384 }, (_, n) => n + 0.5))
  return `${here()} ${hoard.length}`
}

function fillers<const Kind extends string>(kind: Kind, how: { thread?: true; isolate?: 'process' }) {
  const filler = (name: string, memoryMb: number | undefined) =>
    defineTask({ name: `${kind}-${name}`, ...how, memoryMb, retry: { attempts: 1 }, run: fill })
  return { kind, small: filler('small', 32), large: filler('large', 512), usual: filler('usual', undefined) }
}

/** In threads. */
export const fillThread = fillers('thread', { thread: true })

/** In child processes. */
export const fillProcess = fillers('process', { isolate: 'process' })
