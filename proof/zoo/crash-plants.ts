import type { Plant } from './plant.ts'

/** The faults that the lane `crash` has to find. */
export const CRASH_PLANTS: readonly Plant[] = [
  {
    name: 'drop-commit',
    says: 'A transaction is rolled back where it should be committed, and reported as written.',
    seenIn: 'reliability.md 2.5: acknowledge before commit',
    lane: 'crash',
    edits: [{ file: 'src/stores/sqlite/statements.ts', find: "commit: 'COMMIT'", replace: "commit: 'ROLLBACK'" }],
  },
]
