import type { Checker, Violation } from '../evidence.ts'

/**
 * F10: after a sync that failed nothing is acknowledged as safe from a power cut, and once the store has noticed, nothing
 * at all. It may not notice at once: SQLite syncs the log by itself before it moves pages out of it, and keeps a failure
 * of that to itself; the kernel then tells the store's own descriptor at its next sync.
 */
export const failsForGood: Checker = ({ lines, planOf }) => {
  const failed = new Set<number>()
  const noticed = new Set<number>()
  const late = new Set<string>()
  const violations: Violation[] = []
  for (const line of lines) {
    if (line.what === 'sync-failed') failed.add(line.server!)
    if (line.what === 'store-failed') noticed.add(line.server)
    if (line.what === 'sent' && isRefused(line.server, line.n)) late.add(`${line.server} ${line.n}`)
    if (line.what === 'kept' && late.has(`${line.server} ${line.n}`)) {
      violations.push({
        kind: 'fail-stop',
        says: `server ${line.server} acknowledged request ${line.n}, sent after a sync of its store had failed`,
      })
    }
  }
  return violations

  function isRefused(server: number, n: number): boolean {
    return noticed.has(server) || (failed.has(server) && planOf(n).some(({ durability }) => durability === 'power'))
  }
}
