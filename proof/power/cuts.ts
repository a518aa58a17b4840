import type { SeededChance } from '../support/chance.ts'
import { FATES } from './disk.ts'
import type { Happening } from './recording.ts'

/** The share of cuts that are made anywhere, not beside a sync or an acknowledgement. */
const ANYWHERE = 0.25

/**
 * Where the power is cut, in order: index c means that everything up to and including happening c took place. Around every
 * sync and every acknowledgement, and anywhere; as many as give that number of images, each as likely as its like.
 */
export function chooseCuts(happenings: readonly Happening[], images: number, chance: SeededChance): readonly number[] {
  const wanted = Math.ceil(images / FATES.length)
  const beside = new Set<number>()
  for (const [at, { kind, ...rest }] of happenings.entries()) {
    const promised = kind === 'mark' && 'what' in rest && rest.what === 'ack'
    if (!promised && kind !== 'sync-begin' && kind !== 'sync-end') continue
    if (at > 0) beside.add(at - 1)
    beside.add(at)
  }
  const cuts = pick([...beside], Math.round(wanted * (1 - ANYWHERE)), chance)
  while (cuts.length < wanted) cuts.push(chance.below(happenings.length))
  return cuts.sort((a, b) => a - b)
}

/** So many of them, or all. */
function pick(list: number[], count: number, chance: SeededChance): number[] {
  for (let i = 0; i < Math.min(count, list.length); i++) {
    const j = i + chance.below(list.length - i)
    ;[list[i], list[j]] = [list[j]!, list[i]!]
  }
  return list.slice(0, count)
}
