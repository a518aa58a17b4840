import type { SeededChance } from '../support/chance.ts'

/** What the tormentor can do to servers and their disk. */
export const FAULTS = [
  'kill one',
  'kill all',
  'kill while starting',
  'stop',
  'term',
  'full disk',
  'failed sync',
] as const

/** Where a server can be told to kill itself: what an attempt wrote is there, its finish is there as well, both are committed. */
export const POINTS = ['written', 'finished', 'committed'] as const

/** See {@link POINTS}. */
export type Point = (typeof POINTS)[number]

/** See {@link FAULTS}, and {@link POINTS} for servers that have these points. `hold` is a stop between two turns of the event loop, and never ended by a kill. */
export type FaultName = (typeof FAULTS)[number] | 'hold' | `kill when ${Point}`

/** One step of a plan, with everything that chance decides about it. */
export interface PlannedFault {
  readonly name: FaultName
  readonly slot: number
  /** Before it, in milliseconds. */
  readonly pauseMs: number
  /** How long it lasts, from 0 to 1 of what is usual. */
  readonly length: number
  /** Whether a server is killed in the middle of it, or at its end instead of going on. */
  readonly withKill: boolean
}

/** How often each fault is met in one round. */
const ROUND: Readonly<Record<FaultName, number>> = {
  'kill one': 6,
  'kill all': 1,
  'kill while starting': 2,
  stop: 1,
  hold: 1,
  term: 2,
  'full disk': 1,
  'failed sync': 1,
  'kill when written': 2,
  'kill when finished': 2,
  'kill when committed': 3,
}

/**
 * The faults of a run, one after another without end: round by round each of those named, often or seldom, in an order
 * that the seed decides. The same seed, the same plan.
 */
export function* planFaults(
  chance: SeededChance,
  names: readonly FaultName[],
  servers: number,
  pauseMs: { readonly min: number; readonly max: number },
): Generator<PlannedFault, never> {
  if (names.length === 0) throw new Error('A plan needs at least one fault.')
  for (;;) {
    const round = names.flatMap((name) => Array.from({ length: ROUND[name] }, () => name))
    while (round.length > 0) {
      const [name] = round.splice(chance.below(round.length), 1)
      yield {
        name: name!,
        slot: chance.below(servers),
        pauseMs: pauseMs.min + chance.below(pauseMs.max - pauseMs.min),
        length: chance.fraction(),
        withKill: chance.maybe(0.3),
      }
    }
  }
}
