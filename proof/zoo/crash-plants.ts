import type { Plant } from './plant.ts'

/** The faults that the lane `crash` has to find. How each is tried stands in `crash-trials.ts`. */
export const CRASH_PLANTS: readonly Plant[] = [
  {
    name: 'drop-commit',
    says: 'A transaction is rolled back where it should be committed, and reported as written.',
    seenIn: 'reliability.md 2.5: acknowledge before commit',
    lane: 'crash',
    edits: [{ file: 'src/stores/sqlite/statements.ts', find: "commit: 'COMMIT'", replace: "commit: 'ROLLBACK'" }],
  },
  {
    name: 'head-before-commit',
    says: 'The head leaves at once, and its tasks are gathered in memory for a moment before they are stored.',
    seenIn: 'reliability.md 2.5: acknowledge before commit (buffered enqueue); lazy flush (NATS)',
    lane: 'crash',
    edits: [
      {
        file: 'src/http/http1-gate.ts',
        find: 'const settled: Settled = response.destroyed ? nobodyWaits :',
        replace: 'const settled: Settled = response !== null ? nobodyWaits :',
      },
      {
        file: 'src/engine/journal.ts',
        find: 'this.#clock.soon(() => this.#onTurn(0, TURNS_MORE))',
        replace: 'this.#clock.after(400, () => this.#onTurn(0, TURNS_MORE), true)',
      },
    ],
  },
  {
    name: 'double-claim',
    says: 'A task that is claimed as it is inserted is stored as ready: its process runs it, and so does whoever is free.',
    seenIn: 'reliability.md 2.5: complete by id only / missed guard commits (Oban basic, River tx)',
    lane: 'crash',
    edits: [
      {
        file: 'src/stores/sqlite/insert-tasks.ts',
        find: 'values[at++] = state\n',
        replace: 'values[at++] = running ? READY : state\n',
      },
      {
        file: 'src/stores/sqlite/insert-tasks.ts',
        find: 'values[0] = state\n',
        replace: 'values[0] = running ? READY : state\n',
      },
    ],
  },
  {
    name: 'pop-before-run',
    says: 'A task is recorded as succeeded before its attempt runs.',
    seenIn: 'reliability.md 2.5: pop before run (Sidekiq OSS)',
    lane: 'crash',
    edits: [
      {
        file: 'src/engine/attempt.ts',
        find: 'result = this.call()',
        replace: 'this.#end(this.afterReturn(undefined))\n      result = this.call()',
      },
    ],
  },
  {
    name: 'stop-drops-outcomes',
    says: 'A graceful stop waits for attempts and not for their outcomes, which are gathered for a while: what had ended is handed back.',
    seenIn: 'reliability.md 2.5: stop forgets buffered completions (River #1290)',
    lane: 'crash',
    edits: [
      {
        file: 'src/engine/runner.ts',
        find: 'return this.#attempts.size + this.#unrecorded',
        replace: 'return this.#attempts.size',
      },
      {
        file: 'src/engine/runner.ts',
        find: 'const hurry = task.series !== undefined || this.#parts.awaited(task.id)',
        replace: 'const hurry = false',
      },
      { file: 'src/engine/journal.ts', find: 'const OUTCOME_WAIT_MS = 10', replace: 'const OUTCOME_WAIT_MS = 1_000' },
      {
        file: 'src/engine/journal.ts',
        find: 'outcomes: this.#outcomes,\n      progress: [',
        replace:
          'outcomes: this.#timer !== undefined && this.#outcomes.length < OUTCOMES_MAX ? [] : this.#outcomes,\n      progress: [',
      },
      {
        file: 'src/engine/journal.ts',
        find: 'this.#timer?.cancel()\n    this.#timer = undefined\n    this.#urgent = false\n    this.#adds = []\n    this.#outcomes = []',
        replace:
          'if (gathered.outcomes === this.#outcomes) {\n      this.#timer?.cancel()\n      this.#timer = undefined\n      this.#outcomes = []\n    }\n    this.#urgent = false\n    this.#adds = []',
      },
      {
        file: 'src/engine/worker.ts',
        find: 'await within(clock, Math.max(abortMs, 1_000), this.journal.settle())',
        replace: '',
      },
    ],
  },
  {
    name: 'stop-counts-attempt',
    says: 'A claim that a stopping worker hands back is counted as an attempt that was spent.',
    seenIn: 'reliability.md 2.5: graceful stop counts an attempt (River #1290)',
    lane: 'crash',
    edits: [
      {
        file: 'src/stores/sqlite/statements.ts',
        find: 'hand_back_all: `UPDATE afterword_task SET state = 0, worker = NULL, ${HANDED_BACK}',
        replace: 'hand_back_all: `UPDATE afterword_task SET state = 0, worker = NULL',
      },
    ],
  },
  {
    name: 'identity-reused',
    says: 'A worker that starts again takes the identity of the one before it, whose claims nobody rescues then.',
    seenIn: 'reliability.md 2.5: node identity reused (Oban #862)',
    lane: 'crash',
    edits: [
      {
        file: 'src/stores/sqlite/statements.ts',
        find: `register: \`INSERT INTO afterword_worker
      (name, pid, host, version, schema_version, queues, definitions, registered_at, lease_ms, runtime)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING incarnation\``,
        replace: `register: \`INSERT OR REPLACE INTO afterword_worker
      (incarnation, name, pid, host, version, schema_version, queues, definitions, registered_at, lease_ms, runtime)
    VALUES ((SELECT incarnation FROM afterword_worker WHERE name = ?1), ?1, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING incarnation\``,
      },
    ],
  },
  {
    name: 'no-rescue',
    says: 'Nobody takes back the claims of the dead.',
    seenIn: 'reliability.md 2.5: one-off requeue instead of a standing sweep',
    lane: 'crash',
    edits: [
      {
        file: 'src/engine/rescuer.ts',
        find: 'if (dead === this.#parts.self()) return',
        replace: 'if (dead > 0) return',
      },
    ],
  },
  {
    name: 'sync-error-ignored',
    says: 'After a sync that failed the store goes on: the next sync succeeds, without the pages that the first one lost.',
    seenIn:
      'reliability.md 2.5: retry after fsync error (Rebello et al., "Can applications recover from fsync failures?")',
    lane: 'crash',
    edits: [
      {
        file: 'src/stores/sqlite/sqlite-store.ts',
        find: 'new WalSync(`${file}-wal`, (error) => db.fail(error))',
        replace: 'new WalSync(`${file}-wal`, (error) => toStoreError(error, file))',
      },
      {
        file: 'src/stores/sqlite/wal-sync.ts',
        find: 'if (this.#failure !== undefined) throw this.#failure.error',
        replace: '',
      },
    ],
  },
  {
    name: 'series-ignored',
    says: 'The tasks of one response start all at once.',
    seenIn: 'reliability.md 2.5 C6: start(n + 1) after final(n)',
    lane: 'crash',
    edits: [
      {
        file: 'src/stores/sqlite/insert-tasks.ts',
        find: 'if (behind) return WAITING',
        replace: '',
      },
    ],
  },
]
