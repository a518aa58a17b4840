import type { Checker, Violation } from '../evidence.ts'

/** F10: a sync that failed ends the store of its process for good: nothing that was sent after it is acknowledged there. */
export const failsForGood: Checker = ({ lines }) => {
  const failed = new Set<number>()
  const late = new Map<number, Set<number>>()
  const violations: Violation[] = []
  for (const line of lines) {
    if (line.what === 'sync-failed') failed.add(line.server!)
    if (line.what === 'sent' && failed.has(line.server)) {
      late.set(line.server, (late.get(line.server) ?? new Set()).add(line.n))
    }
    if (line.what === 'kept' && late.get(line.server)?.has(line.n) === true) {
      violations.push({
        kind: 'fail-stop',
        says: `server ${line.server} acknowledged request ${line.n}, sent after a sync of its store had failed`,
      })
    }
  }
  return violations
}
