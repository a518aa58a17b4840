import type { Checker, Violation } from '../evidence.ts'
import type { Line } from '../history.ts'

/** A store that failed for good cannot say what became of the group that it refused; every other refusal is certain. */
const UNCERTAIN = new Set(['STORE_FAILED', 'unknown'])

/**
 * C2: nothing ran, and nothing is stored, that was never asked for; of a response without an acknowledgement either all
 * tasks are stored or none; and none when it was refused for certain.
 */
export const noPhantoms: Checker = ({ lines, final, planOf, attempts }) => {
  const { sent, refused } = answers(lines)
  const violations: Violation[] = []
  const stored = new Map<number, number>()
  const isPlanned = (n: number, step: number): boolean => sent.has(n) && planOf(n).some((task) => task.step === step)
  for (const { id, n, step } of final.tasks) {
    stored.set(n, (stored.get(n) ?? 0) + 1)
    if (isPlanned(n, step)) continue
    violations.push({ kind: 'phantom', id, says: `task ${n}:${step} is stored and was never sent` })
  }
  for (const [id, [first]] of attempts) {
    const { n, step } = first!
    if (!isPlanned(n, step)) violations.push({ kind: 'phantom', id, says: `task ${n}:${step} ran and was never sent` })
  }
  for (const [n, count] of stored) {
    const planned = planOf(n).length
    if (sent.has(n) && count !== planned) {
      violations.push({ kind: 'phantom', says: `of the ${planned} tasks of request ${n} ${count} are stored` })
    }
    if (refused.has(n)) violations.push({ kind: 'phantom', says: `request ${n} was refused and its tasks are stored` })
  }
  return violations
}

/** The requests that were sent, and those among them that were refused for certain however often they were sent. */
function answers(lines: readonly Line[]): { sent: ReadonlySet<number>; refused: ReadonlySet<number> } {
  const sent = new Map<number, number>()
  const refusals = new Map<number, number>()
  for (const line of lines) {
    if (line.what === 'sent') sent.set(line.n, (sent.get(line.n) ?? 0) + 1)
    if (line.what === 'refused' && !UNCERTAIN.has(line.code)) refusals.set(line.n, (refusals.get(line.n) ?? 0) + 1)
  }
  const refused = [...refusals].filter(([n, count]) => sent.get(n) === count).map(([n]) => n)
  return { sent: new Set(sent.keys()), refused: new Set(refused) }
}
