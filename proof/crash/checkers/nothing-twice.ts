import type { Attempt, Checker, Evidence, Violation } from '../evidence.ts'

/**
 * An attempt that came to its end is the last one, and one that runs is the only one, unless something touched its
 * process before it was recorded: it was killed, its store failed, or others took back its claims.
 */
export const nothingTwice: Checker = (evidence) => {
  const violations: Violation[] = []
  for (const [id, attempts] of evidence.attempts) {
    for (const [at, later] of attempts.entries()) {
      const earlier = attempts[at - 1]
      if (earlier === undefined || isExplained(evidence, earlier, later)) continue
      violations.push({
        kind: 'duplicate',
        id,
        says: `it ran in server ${earlier.server} (${earlier.end?.how ?? 'no end'}) and again in server ${later.server}, and nothing had touched the first`,
      })
    }
  }
  return violations
}

function isExplained(evidence: Evidence, earlier: Attempt, later: Attempt): boolean {
  const { end } = earlier
  // A failed attempt is repeated, and what heeded its signal was handed back.
  if (end !== undefined && end.position < later.begin && (end.how === 'threw' || end.how === 'interrupted')) return true
  return evidence.isLost(earlier.server, later.begin) || evidence.lostClaim(earlier, later) || evidence.isZombie(later)
}
