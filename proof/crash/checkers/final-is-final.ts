import type { Checker, Violation } from '../evidence.ts'

const FINAL = new Set(['succeeded', 'failed', 'cancelled', 'quarantined'])

/** C3: once the end of a task is recorded no attempt of it begins, but for those of a worker that was declared dead. */
export const finalIsFinal: Checker = (evidence) => {
  const finals = new Map<string, { readonly position: number; readonly state: string }>()
  for (const [position, line] of evidence.lines.entries()) {
    if (line.what !== 'recorded' || !FINAL.has(line.state) || finals.has(line.id)) continue
    finals.set(line.id, { position, state: line.state })
  }
  const violations: Violation[] = []
  for (const [id, { position, state }] of finals) {
    const late = evidence.attempts.get(id)?.find((attempt) => attempt.begin > position && !evidence.isZombie(attempt))
    if (late === undefined) continue
    violations.push({ kind: 'final', id, says: `server ${late.server} began it after it was recorded as ${state}` })
  }
  return violations
}
