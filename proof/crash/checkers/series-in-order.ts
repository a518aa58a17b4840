import type { Attempt, Checker, Violation } from '../evidence.ts'

/**
 * C6: in a series no task begins before an attempt of the one before it has ended by itself: a crash and a hand-back end
 * none. One that was quarantined holds nobody back.
 */
export const seriesInOrder: Checker = ({ attemptsByStep, final, planOf }) => {
  const quarantined = new Set(final.tasks.filter(({ state }) => state === 'quarantined').map(({ id }) => id))
  const violations: Violation[] = []
  for (const [first] of attemptsByStep.values()) {
    const { id, n, step, begin } = first!
    const series = planOf(n).filter((task) => !task.parallel)
    const before = series[series.findIndex((task) => task.step === step) - 1]
    if (before === undefined) continue
    const attempts = attemptsByStep.get(`${n}:${before.step}`) ?? []
    if (quarantined.has(attempts[0]?.id ?? '')) continue
    if (!attempts.some((attempt) => endedBefore(attempt, begin))) {
      violations.push({
        kind: 'order',
        id,
        says: `task ${step} of request ${n} began before the first attempt of task ${before.step} had ended`,
      })
    }
  }
  return violations
}

function endedBefore({ end }: Attempt, position: number): boolean {
  return end !== undefined && end.how !== 'interrupted' && end.position < position
}
