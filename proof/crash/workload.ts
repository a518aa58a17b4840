import { type SeededChance, seededChance } from '../support/chance.ts'

/** How a task behaves. `throws-first`: its first attempt fails. `gives-up`: it fails for good. */
export type Behaviour = 'plain' | 'throws-first' | 'gives-up'

/** One task of a request, as its input and options say. */
export interface PlannedTask {
  readonly step: number
  readonly ms: number
  readonly behaviour: Behaviour
  readonly queue: string
  readonly priority: number
  readonly durability: 'power' | 'process'
  readonly delayMs: number | undefined
  /** Stands outside of the series of its request: added with `parallel`, or with a delay. */
  readonly parallel: boolean
  /** An identity of the client's own: the request may be sent twice. */
  readonly id: string | undefined
}

/** The queues of the servers with their places. */
export const QUEUES = { default: 16, mail: 8, reports: 8 } as const

/** The share of tasks that take long enough to be met by a signal. */
const LONG_SHARE = 0.04

const QUEUE_NAMES = ['default', 'mail', 'reports'] as const

/**
 * What request `n` of a run asks for, by the seed of the run and nothing else: clients, servers and checkers work it out
 * by themselves and need not tell each other.
 */
export function planOf(seed: number, n: number, longShare = LONG_SHARE): readonly PlannedTask[] {
  const chance = seededChance((Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b)) >>> 0)
  const durability = chance.maybe(0.5) ? 'power' : 'process'
  const task = (step: number, more: Partial<PlannedTask> = {}): PlannedTask => ({
    step,
    ms: chance.maybe(longShare) ? 100 + chance.below(300) : workMs(chance),
    behaviour: behaviour(chance),
    queue: chance.of(QUEUE_NAMES),
    priority: chance.maybe(0.2) ? chance.below(5) - 2 : 0,
    durability,
    delayMs: undefined,
    parallel: false,
    id: undefined,
    ...more,
  })
  const kind = chance.fraction()
  if (kind < 0.4) return [task(0)]
  if (kind < 0.75) return [task(0), task(1), task(2)]
  if (kind < 0.87) return [task(0, { parallel: true }), task(1, { parallel: true })]
  if (kind < 0.94) return [task(0, { delayMs: 50 + chance.below(700), parallel: true })]
  return [task(0, { id: `order-${n}` })]
}

/** Most of the others are done at once. */
function workMs(chance: SeededChance): number {
  const kind = chance.fraction()
  if (kind < 0.55) return 0
  if (kind < 0.9) return 1 + chance.below(5)
  return 10 + chance.below(30)
}

function behaviour(chance: SeededChance): Behaviour {
  const kind = chance.fraction()
  if (kind < 0.9) return 'plain'
  return kind < 0.98 ? 'throws-first' : 'gives-up'
}
