import type { Attempt, Evidence } from './evidence.ts'
import type { Line } from './history.ts'

/** Faults that disturb a recovery under way: it says nothing then. */
const DISTURBS = new Set<Line['what']>(['kill', 'stop', 'term', 'fill', 'sync-error'])

/**
 * For each kill of a server with a peer alive: milliseconds from the signal until the last of the tasks that it was
 * running has begun again elsewhere. Kills that met no running task, or that another fault followed too soon, are left out.
 */
export function recoveriesMs(evidence: Evidence): readonly number[] {
  const alive = new Set<number>()
  const recoveries: number[] = []
  for (const [position, line] of evidence.lines.entries()) {
    if (line.what === 'registered') alive.add(line.server)
    if (line.what === 'exit') alive.delete(line.server)
    if (line.what === 'stop' || line.what === 'sync-failed') alive.delete(line.server!)
    if (line.what === 'continue') alive.add(line.server!)
    if (line.what !== 'kill') continue
    const wasAlive = alive.delete(line.server!)
    if (!wasAlive || alive.size === 0) continue
    const again = beganAgain(evidence, line.server!, position)
    if (again === undefined) continue
    const disturbed = evidence.lines.slice(position + 1, again.begin).some(({ what }) => DISTURBS.has(what))
    if (!disturbed) recoveries.push(again.beginAtMs - line.at)
  }
  return recoveries
}

/** The last of the attempts that took up what that server was running at that position. */
function beganAgain(evidence: Evidence, server: number, position: number): Attempt | undefined {
  let last: Attempt | undefined
  for (const attempts of evidence.attempts.values()) {
    const cut = attempts.find((attempt) => attempt.server === server && attempt.begin < position)
    if (cut === undefined || cut.end !== undefined) continue
    const again = attempts.find((attempt) => attempt.begin > position && attempt.server !== server)
    if (again !== undefined && (last === undefined || again.begin > last.begin)) last = again
  }
  return last
}

/** The value below which that share of the numbers lies; undefined of none. */
export function quantile(numbers: readonly number[], share: number): number | undefined {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}
