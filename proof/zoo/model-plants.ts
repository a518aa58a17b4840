import type { Plant } from './plant.ts'

const STATEMENTS = 'src/stores/sqlite/statements.ts'
const STORE = 'src/stores/sqlite/sqlite-store.ts'
const WRITE = 'src/stores/sqlite/write-transaction.ts'
const HOLDER = 'src/stores/sqlite/holder.ts'
const PROTOCOL = 'proof/model/protocol.ts'

/** Faults of the shipping store: the model is right, and the store differs from it. */
const OF_THE_STORE: readonly Plant[] = [
  {
    name: 'succeed-by-id',
    says: 'A success is recorded by id: whoever finishes late overwrites what the newer attempt does.',
    seenIn: 'Oban basic engine, graphile-worker, pgmq',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'result = ?, error = ?\n    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?',
        replace: 'result = ?, error = ?\n    WHERE key = ? AND id = ? AND (true OR worker = ? OR claims = ?)',
      },
    ],
  },
  {
    name: 'succeed-under-any-claim',
    says: 'A success names the worker but not the claim: an earlier attempt of the same worker closes a later one.',
    seenIn: 'River, pg-boss (id and running)',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'result = ?, error = ?\n    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?',
        replace: 'result = ?, error = ?\n    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims >= ?',
      },
    ],
  },
  {
    name: 'fail-by-id',
    says: 'A failure is recorded by id: it turns back what another attempt has finished.',
    seenIn: 'the fault catalogue of queues: a failure without a guard',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'finished_at = ?, worker = NULL, error = ?\n    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?`,\n  /** A cancel',
        replace:
          'finished_at = ?, worker = NULL, error = ?\n    WHERE key = ? AND id = ? AND (true OR worker = ? OR claims = ?)`,\n  /** A cancel',
      },
    ],
  },
  {
    name: 'retry-by-id',
    says: 'The next attempt is scheduled by id: a task that is done runs again.',
    seenIn: 'River #1302 (a completed task turned back to retryable)',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'deferrals = deferrals + ?\n    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?',
        replace: 'deferrals = deferrals + ?\n    WHERE key = ? AND id = ? AND (true OR worker = ? OR claims = ?)',
      },
    ],
  },
  {
    name: 'hand-back-of-any-claim',
    says: 'A hand-back does not name its claim: it gives away an attempt that has begun since.',
    seenIn: 'a write that does not name state, worker and attempt',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'AND claims = ? AND marks & ${CANCELLING} = 0 RETURNING id, kind',
        replace: 'AND claims >= ? AND marks & ${CANCELLING} = 0 RETURNING id, kind',
      },
    ],
  },
  {
    name: 'begun-by-id',
    says: 'Whoever says that an attempt has begun is believed: a crash is counted that was none.',
    seenIn: 'a write that does not name state, worker and attempt',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'marks = marks & ~${EARLY}\n    WHERE key = ? AND id = ? AND state = 1 AND worker = ? AND claims = ?',
        replace: 'marks = marks & ~${EARLY}\n    WHERE key = ? AND id = ? AND (true OR worker = ? OR claims = ?)',
      },
    ],
  },
  {
    name: 'rescue-without-fence',
    says: 'A rescue returns the claims of a worker and lets it go on claiming.',
    seenIn: 'the protocol without its fence: overlap in three steps',
    lane: 'model',
    edits: [{ file: STORE, find: "      db.sql('fence').run(dead)\n", replace: '' }],
  },
  {
    name: 'rescue-keeps-owner',
    says: 'A rescued task is ready and still names its dead worker.',
    seenIn: 'the fault catalogue of queues: a release that leaves the owner',
    lane: 'model',
    edits: [{ file: STATEMENTS, find: 'state = 0, worker = NULL, crashes', replace: 'state = 0, crashes' }],
  },
  {
    name: 'rescue-counts-what-never-began',
    says: 'A claim ahead of its turn counts as a crash although nothing had begun.',
    seenIn: 'River #1290 (a graceful stop counted an attempt)',
    lane: 'model',
    edits: [{ file: STATEMENTS, find: 'crashes + (marks & ${EARLY} = 0)', replace: 'crashes + 1' }],
  },
  {
    name: 'quarantine-too-late',
    says: 'A task is put aside after four deaths instead of three.',
    seenIn: 'Sidekiq Pro: a poison pill is found by its count',
    lane: 'model',
    edits: [
      { file: STATEMENTS, find: 'crashes >= 2 RETURNING id, marks', replace: 'crashes >= 3 RETURNING id, marks' },
    ],
  },
  {
    name: 'requeue-of-running',
    says: 'A running task can be requeued: it runs twice at once.',
    seenIn: 'Faktory: an acknowledgement by id closes the newer reservation',
    lane: 'model',
    edits: [{ file: STATEMENTS, find: 'AND state IN (5, 6, 7)', replace: 'AND state IN (1, 5, 6, 7)' }],
  },
  {
    name: 'requeue-keeps-early',
    says: 'A task that failed before it was written down as begun is claimed as if ahead of its turn after a requeue.',
    seenIn: 'our own store, found by this model',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: '~${EARLY | SUSPECT | CANCELLING}) | ${PASSED}',
        replace: '~${SUSPECT | CANCELLING}) | ${PASSED}',
      },
    ],
  },
  {
    name: 'prune-of-live',
    says: 'Pruning takes tasks along that are not finished.',
    seenIn: 'a comparison with NULL that was meant to be false',
    lane: 'model',
    edits: [
      { file: STATEMENTS, find: 'state = ? AND finished_at = ?', replace: 'state = ? AND finished_at IS ?' },
      { file: STORE, find: 'row.finished_at !== null && row.finished_at <= now', replace: 'row.finished_at! <= now' },
      { file: STORE, find: 'keyof Retention] : Infinity', replace: 'keyof Retention] : 0' },
    ],
  },
  {
    name: 'prune-unlinks-series',
    says: 'Pruning takes a task along that was cancelled as it waited: what comes behind it overtakes those before it.',
    seenIn: 'our own store, found by the simulation',
    lane: 'model',
    edits: [{ file: STORE, find: 'row.state === STATE_CODES.cancelled && ', replace: 'row.state < 0 && ' }],
  },
  {
    name: 'requeue-leaves-series',
    says: 'A task that was cancelled as it waited is brought back before its turn, and those behind it overtake the ones before.',
    seenIn: 'our own store, found by the simulation',
    lane: 'model',
    edits: [
      {
        file: STORE,
        find: "holder !== undefined && change(db, 'rejoin'",
        replace: "holder === '' && change(db, 'rejoin'",
      },
    ],
  },
  {
    name: 'release-on-hand-back',
    says: 'A hand-back counts as the end of the first attempt: the next task of the series overtakes.',
    seenIn: 'strict order by key, broken by what is no end',
    lane: 'model',
    edits: [
      {
        file: STORE,
        find: "const back = given('hand_back')",
        replace: "const back = given('hand_back')\nfor (const { id } of back) db.sql('overtake').run(id)",
      },
      {
        file: STATEMENTS,
        find: "release_ready: 'UPDATE",
        replace:
          "overtake: 'UPDATE afterword_task SET state = 0 WHERE after = ? AND state = 3',\n  release_ready: 'UPDATE",
      },
    ],
  },
  {
    name: 'release-is-never-early',
    says: 'A task that is released to a worker without a free place is not marked: its death would count as a crash.',
    seenIn: 'River #1290 (a stop counted an attempt that was none)',
    lane: 'model',
    edits: [
      {
        file: STATEMENTS,
        find: 'release_claimed: `UPDATE afterword_task SET state = 1, worker = ?, marks = marks | ?',
        replace: 'release_claimed: `UPDATE afterword_task SET state = 1, worker = ?, marks = marks & ~?',
      },
    ],
  },
  {
    name: 'series-waits-for-ever',
    says: 'A task waits behind one whose first attempt has ended already: nobody releases it.',
    seenIn: 'a named queue whose head is done and still blocks',
    lane: 'model',
    edits: [
      {
        file: HOLDER,
        find: 'row === undefined || (row.marks & PASSED) !== 0',
        replace: 'row === undefined',
      },
    ],
  },
  {
    name: 'cancel-forgets-the-series',
    says: 'A cancelled task leaves what waits behind it waiting for ever.',
    seenIn: 'Celery: a revoked task of a chain ends the chain silently',
    lane: 'model',
    edits: [
      {
        file: STORE,
        find: 'else this.#afterEnd(db, [row], new Set())',
        replace: "else db.sql('count_change').run(-1, 0)",
      },
    ],
  },
  {
    name: 'fenced-worker-claims',
    says: 'A worker that was declared dead goes on claiming: nobody looks for its claims any more.',
    seenIn: 'a claim with an older view that commits after the fence',
    lane: 'model',
    edits: [{ file: WRITE, find: 'this.#fenced ? undefined : worker', replace: 'worker' }],
  },
]

/** Faults of the protocol: the model follows another rule, and its invariants break. */
const OF_THE_PROTOCOL: readonly Plant[] = [
  {
    name: 'protocol-finish-by-id',
    says: 'A success names nothing but the task.',
    seenIn: 'Oban basic engine, graphile-worker, pgmq',
    lane: 'model',
    edits: [{ file: PROTOCOL, find: "succeedNames: 'state, worker and claim',", replace: "succeedNames: 'nothing'," }],
  },
  {
    name: 'protocol-finish-while-running',
    says: 'A success asks only whether the task is running: a superseded attempt closes the run of another.',
    seenIn: 'River, pg-boss (id and running)',
    lane: 'model',
    edits: [{ file: PROTOCOL, find: "succeedNames: 'state, worker and claim',", replace: "succeedNames: 'state'," }],
  },
  {
    name: 'protocol-fail-by-id',
    says: 'A failure names nothing but the task, also after a commit whose answer was lost.',
    seenIn: 'a failure recorded after a commit whose answer was lost',
    lane: 'model',
    edits: [{ file: PROTOCOL, find: "failNames: 'state, worker and claim',", replace: "failNames: 'nothing'," }],
  },
  {
    name: 'protocol-missed-guard-commits',
    says: 'A finish whose guard finds nothing commits the effects all the same.',
    seenIn: 'River JobCompleteTx',
    lane: 'model',
    edits: [{ file: PROTOCOL, find: "missedFinish: 'rolls back',", replace: "missedFinish: 'commits'," }],
  },
  {
    name: 'protocol-unknown-is-failure',
    says: 'A commit whose answer is lost counts as failed, and the task is run again on a guess.',
    seenIn: 'FoundationDB "commit result unknown", Temporal: executed, then an error',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "unknownFinish: 'is written again',", replace: "unknownFinish: 'counts as failed'," },
    ],
  },
  {
    name: 'protocol-unknown-is-success',
    says: 'A commit whose answer is lost counts as recorded: what was not written is never written.',
    seenIn: 'FoundationDB "commit result unknown"',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "unknownFinish: 'is written again',", replace: "unknownFinish: 'counts as recorded'," },
    ],
  },
  {
    name: 'protocol-lost-claim-reply',
    says: 'A worker that misses the answer to its claim never asks again: it lives, and so its claim stays.',
    seenIn: 'a connection that breaks after COMMIT and before the reply',
    lane: 'model',
    edits: [{ file: PROTOCOL, find: "claimReply: 'is heard',", replace: "claimReply: 'may be lost'," }],
  },
  {
    name: 'protocol-select-then-requeue',
    says: 'The reaper selects the tasks of the dead, then requeues them by id: one finished in between runs again.',
    seenIn: 'River #1302',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "rescue: 'in one transaction',", replace: "rescue: 'selects, then requeues by id'," },
    ],
  },
  {
    name: 'protocol-two-finalise',
    says: 'The pruner of dead workers ends their tasks by id while a worker ends one of them as well.',
    seenIn: 'Solid Queue #589 (one task finished and failed)',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "rescue: 'in one transaction',", replace: "rescue: 'selects, then finalises by id'," },
    ],
  },
  {
    name: 'protocol-one-off-requeue',
    says: 'The reaper fences in one transaction and requeues in the next, once: when it dies between, nobody does.',
    seenIn: 'a one-off requeue where a standing sweep is needed',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "rescue: 'in one transaction',", replace: "rescue: 'fences, then requeues once'," },
    ],
  },
  {
    name: 'protocol-identity-reuse',
    says: 'A process comes back under its old identity: its dead self looks alive, and its claims are never rescued.',
    seenIn: 'Oban Pro #862',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "restart: 'as a fresh incarnation',", replace: "restart: 'under the old identity'," },
    ],
  },
  {
    name: 'protocol-time-only-reaping',
    says: 'Whoever runs long is taken for dead: two attempts of one task overlap.',
    seenIn: 'Oban Lifeline (rescue by clock alone)',
    lane: 'model',
    edits: [{ file: PROTOCOL, find: "reaps: 'the dead',", replace: "reaps: 'whoever runs long'," }],
  },
  {
    name: 'protocol-early-release',
    says: 'The next task of a series starts when a claim of the first ends, be it by a crash or a hand-back.',
    seenIn: 'strict order by key, broken by what is no end',
    lane: 'model',
    edits: [
      {
        file: PROTOCOL,
        find: "release: 'after the first attempt',",
        replace: "release: 'after the first claim ended',",
      },
    ],
  },
  {
    name: 'protocol-keeps-cancelled-claim',
    says: 'What was not given back because it was cancelled instead is kept by its worker, and runs.',
    seenIn: 'our own worker, found by this model',
    lane: 'model',
    edits: [
      { file: PROTOCOL, find: "handBackRefused: 'forgets the claim',", replace: "handBackRefused: 'keeps the claim'," },
    ],
  },
]

/** The faults that the lane `model` has to find. */
export const MODEL_PLANTS: readonly Plant[] = [...OF_THE_STORE, ...OF_THE_PROTOCOL]
