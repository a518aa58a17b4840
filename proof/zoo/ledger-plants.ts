import type { Plant } from './plant.ts'

/** The faults that the plan `ledger` of the lane `crash` has to find. How each is tried stands in `ledger-trials.ts`. */
export const LEDGER_PLANTS: readonly Plant[] = [
  {
    name: 'finish-apart',
    says: 'An attempt commits what it wrote, and its success is recorded afterwards, in a transaction of its own.',
    seenIn: 'every queue beside a database: effect and acknowledgement are two commits',
    lane: 'crash',
    edits: [
      {
        file: 'src/sessions/attempt-sessions.ts',
        find: 'const finish = this.#parts.join(session)',
        replace: 'return session',
      },
    ],
  },
  {
    name: 'commit-before-finish',
    says: 'The success is written over the right connection, once what the attempt wrote is committed.',
    seenIn: 'reliability.md 3a, point 7: the completion is the last statement of the transaction',
    lane: 'crash',
    edits: [
      { file: 'src/sessions/attempt-sessions.ts', find: 'await session.commit()\n', replace: '\n' },
      {
        file: 'src/sessions/attempt-sessions.ts',
        find: 'const joined = await finish.write(outcome)',
        replace: 'await session.commit()\n    const joined = await finish.write(outcome)',
      },
    ],
  },
  {
    name: 'refused-finish-commits',
    says: 'Nobody looks whether the success was refused: a worker that has lost its claim commits what it wrote, whether it has heard of that or not.',
    seenIn: 'reliability.md 2.5: a missed guard commits the effects all the same (River JobCompleteTx)',
    lane: 'crash',
    edits: [
      {
        file: 'src/sessions/attempt-sessions.ts',
        find: 'if (joined.recorded[0] !== true) {',
        replace: 'if (joined === undefined) {',
      },
      { file: 'src/engine/attempt.ts', find: "if (this.#reason === 'claim-lost') return 'none'", replace: '' },
    ],
  },
  {
    name: 'additions-dropped',
    says: 'The success in the transaction of a session does not bring along what its attempt has added.',
    seenIn: 'follow-up work that is added after the commit (Celery, and Sidekiq without transactional push)',
    lane: 'crash',
    edits: [
      {
        file: 'src/sessions/finish-in-store.ts',
        find: 'outcomes: [outcome]',
        replace: 'outcomes: [{ ...outcome, adds: undefined }]',
      },
    ],
  },
  {
    name: 'rollback-commits',
    says: 'The transaction of an attempt that failed is committed.',
    seenIn: 'drivers that commit when a connection goes back to its pool',
    lane: 'crash',
    edits: [{ file: 'src/sessions/held-session.ts', find: 'this.#open.rollback()', replace: 'this.#open.commit()' }],
  },
  {
    name: 'session-unguarded',
    says: 'A session can be used when its attempt is over: it writes into whatever transaction its connection has by then.',
    seenIn: 'Prisma, Drizzle and pg: a handle that was kept is the handle of somebody else',
    lane: 'crash',
    edits: [
      {
        file: 'src/sessions/held-session.ts',
        find: 'if (this.#ending === undefined) return undefined',
        replace: "if (this.name !== '') return undefined",
      },
    ],
  },
  {
    name: 'outcome-row-ignored',
    says: 'Rows of outcome are written, and the next attempt does not look for one.',
    seenIn: 'reliability.md 3a, point 9: a conflict means that it is done',
    lane: 'crash',
    edits: [
      {
        file: 'src/sessions/attempt-sessions.ts',
        find: 'if (task.claims > 1) await this.#refuseCommitted(session)',
        replace: '',
      },
      {
        file: 'src/sessions/outcome-rows.ts',
        find: "return row === undefined ? { kind: 'mine' } : whose(row, claims)",
        replace: "return { kind: 'mine' }",
      },
    ],
  },
  {
    name: 'outcome-row-apart',
    says: 'The row of outcome is written when the effects are committed, not with them.',
    seenIn: 'reliability.md 3a, point 9; deduplication tables beside the transaction',
    lane: 'crash',
    edits: [
      {
        file: 'src/sessions/attempt-sessions.ts',
        find: 'await (isOneTrip ? outcomes.recordAndCommit(session, task, outcome) : session.commit())',
        replace: '',
      },
      {
        file: 'src/sessions/attempt-sessions.ts',
        find: 'const found = this.#hasRow && !isOneTrip ?',
        replace: 'await session.commit()\n    const found = this.#hasRow ?',
      },
    ],
  },
]
