import type { Checker, Violation } from '../evidence.ts'

/**
 * C4: two attempts of one task run at the same time only after others had taken back the claim of the first; and a
 * worker loses a claim only when it was declared dead.
 */
export const oneOwner: Checker = (evidence) => {
  const violations: Violation[] = []
  for (const [id, attempts] of evidence.attempts) {
    for (const [at, later] of attempts.entries()) {
      const earlier = attempts
        .slice(0, at)
        .find(
          (attempt) =>
            evidence.ranUntil(attempt) > later.begin &&
            !evidence.lostClaim(attempt, later) &&
            !evidence.isZombie(later),
        )
      if (earlier === undefined) continue
      violations.push({
        kind: 'overlap',
        id,
        says: `worker ${later.worker} began it while worker ${earlier.worker} ran it and held its claim`,
      })
    }
  }
  for (const line of evidence.lines) {
    if (line.what !== 'claim-lost' || evidence.wasFenced(line.server)) continue
    violations.push({
      kind: 'claim',
      id: line.id,
      says: `server ${line.server} had lost its claim at the end of an attempt, and nobody had declared it dead`,
    })
  }
  return violations
}
