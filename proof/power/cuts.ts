import type { SeededChance } from '../support/chance.ts'
import { FATES } from './disk.ts'
import type { Happening } from './recording.ts'

/** The share of cuts that are made anywhere, not beside a sync or an acknowledgement. */
const ANYWHERE = 0.25

/** Which moments are looked for: all that matter, or only those at which something has just been promised. */
export type Moments = 'all' | 'promises'

/**
 * Where the power is cut, in order: index c means that everything up to and including happening c took place. Around every
 * sync and every acknowledgement, and anywhere; as many as give that number of images, each as likely as its like.
 */
export function chooseCuts(
  happenings: readonly Happening[],
  images: number,
  moments: Moments,
  chance: SeededChance,
): readonly number[] {
  const wanted = Math.ceil(images / FATES.length)
  const promises = indexesOf(happenings, (each) => each.kind === 'mark' && each.what === 'ack')
  if (moments === 'promises') return pick(promises, wanted, chance).sort((a, b) => a - b)
  const syncs = indexesOf(happenings, ({ kind }) => kind === 'sync-begin' || kind === 'sync-end')
  const beside = new Set([...promises, ...syncs].flatMap((at) => [Math.max(0, at - 1), at]))
  const cuts = pick([...beside], Math.round(wanted * (1 - ANYWHERE)), chance)
  while (cuts.length < wanted) cuts.push(chance.below(happenings.length))
  return cuts.sort((a, b) => a - b)
}

function indexesOf(happenings: readonly Happening[], are: (happening: Happening) => boolean): number[] {
  return happenings.flatMap((happening, at) => (are(happening) ? [at] : []))
}

/** So many of them, or all. */
function pick(list: number[], count: number, chance: SeededChance): number[] {
  for (let i = 0; i < Math.min(count, list.length); i++) {
    const j = i + chance.below(list.length - i)
    ;[list[i], list[j]] = [list[j]!, list[i]!]
  }
  return list.slice(0, count)
}
