import type { SeededChance } from '../support/chance.ts'

/** What one attempt does. The input of a task is a list of these: the n-th time that it begins, it does the n-th, or the last. */
export interface Step {
  readonly does:
    | 'return'
    | 'throw'
    | 'give-up'
    | 'retry-after'
    | 'retry-free'
    /** Waits until its signal aborts. */
    | 'wait'
    /** Goes on whatever its signal says. */
    | 'ignore'
    /** Adds another task before it returns. */
    | 'add'
    /** Kills its process. */
    | 'poison'
  readonly ms: number
  /** Plain functions end in the turn in which they begin. */
  readonly plain: boolean
  readonly progress: boolean
}

/** What a task is to do over its attempts. */
export interface Plan {
  readonly steps: readonly Step[]
}

const DONE: Step = { does: 'return', ms: 1, plain: false, progress: false }

/** Draws what a task does. Every plan ends for good after a few attempts, or waits for a cancel. */
export function drawPlan(chance: SeededChance, name: string): Plan {
  const { maybe } = chance
  if (maybe(0.08)) return { steps: [drawStep(chance, 'throw')] }
  if (maybe(0.06)) return { steps: [{ ...DONE, does: 'wait', ms: 1_000_000 }] }
  const steps: Step[] = []
  while (maybe(0.4) && steps.length < 3) {
    steps.push(drawStep(chance, chance.of(['throw', 'retry-after', 'retry-free', 'throw'])))
  }
  // Only where a timeout ends it.
  if (name === 'timed' && maybe(0.3)) steps.push({ ...DONE, does: 'ignore', ms: 3_000 })
  steps.push(drawStep(chance, maybe(0.1) ? 'add' : maybe(0.1) ? 'give-up' : maybe(0.1) ? 'ignore' : 'return'))
  return { steps }
}

/** The plan of a task that kills whoever runs it. */
export const POISON: Plan = { steps: [{ ...DONE, does: 'poison' }] }

/** The plan of a task that only returns. */
export const PLAIN: Plan = { steps: [DONE] }

function drawStep({ maybe, below, of }: SeededChance, does: Step['does']): Step {
  return {
    does,
    ms: maybe(0.25) ? below(600) : of([0, 1, 5, 20]),
    plain: does !== 'add' && maybe(0.2),
    progress: maybe(0.15),
  }
}
