import type { Checker, Violation } from '../evidence.ts'

/** C15: the file is sound, and what the store counted as it went is what there is. */
export const soundStore: Checker = ({ final: { integrity, counted, recounted } }) => {
  const violations: Violation[] = []
  if (integrity !== 'ok') violations.push({ kind: 'store', says: `the integrity check says: ${integrity}` })
  for (const name of ['live', 'waiting'] as const) {
    if (counted[name] === recounted[name]) continue
    violations.push({
      kind: 'store',
      says: `${counted[name]} tasks are counted as ${name}, and ${recounted[name]} are`,
    })
  }
  return violations
}
