import type { Checker, Evidence, Violation } from '../evidence.ts'
import type { FinalTask } from '../final-database.ts'
import type { PlannedTask } from '../workload.ts'

/** Whose worker died so often while it ran is set aside with the evidence: it rests where it can be seen. */
const QUARANTINE_CRASHES = 3

/** C1: every task of every acknowledged answer ran to its end, or rests where it can be seen. */
export const nothingLost: Checker = (evidence) => {
  const rows = new Map(evidence.final.tasks.map((task) => [task.id, task]))
  const seen = new Set<string>()
  const violations: Violation[] = []
  for (const line of evidence.lines) {
    if (line.what !== 'kept') continue
    for (const planned of evidence.planOf(line.n)) {
      const id = line.ids[planned.step] ?? `${line.n}:${planned.step}, which the answer does not name`
      if (seen.has(id)) continue
      seen.add(id)
      const wrong = whatIsWrong(evidence, id, planned, rows.get(id))
      if (wrong !== undefined) {
        violations.push({
          kind: 'lost',
          id,
          says: `task ${planned.step} of request ${line.n} was acknowledged and ${wrong}`,
        })
      }
    }
  }
  return violations
}

function whatIsWrong(
  evidence: Evidence,
  id: string,
  { behaviour }: PlannedTask,
  row: FinalTask | undefined,
): string | undefined {
  if (row === undefined) return 'is not in the database'
  const ran = (how: string): boolean => evidence.attempts.get(id)?.some(({ end }) => end?.how === how) === true
  switch (row.state) {
    case 'quarantined':
      return row.crashes >= QUARANTINE_CRASHES ? undefined : `is quarantined after ${row.crashes} crashes`
    case 'succeeded':
      if (behaviour === 'gives-up') return 'has succeeded although it gives up'
      return ran('ok') ? undefined : 'has succeeded although no attempt of it came to its end'
    case 'failed':
      if (behaviour !== 'gives-up') return 'has failed although it should succeed'
      return ran('gave up') ? undefined : 'has failed although no attempt of it gave up'
    default:
      return `is ${row.state} at the end`
  }
}
