import type { Edit, Plant } from './plant.ts'

const sim = (name: string, says: string, seenIn: string, ...edits: readonly Edit[]): Plant => ({
  name,
  says,
  seenIn,
  lane: 'sim',
  edits,
})

const edit = (file: string, find: string, replace: string): Edit => ({ file: `src/${file}`, find, replace })

/** Where to begin with the rarer ones, so that they are found at once: to be written anew when the generator changes. */
const FROM: Readonly<Record<string, number>> = {
  'wall-clock-lease': 491,
  'drop-refused-outcomes': 28,
  'stop-forgets-outcomes': 38,
  'buffer-without-limit': 11,
  'timer-left-behind': 39,
}

/** The first of the seeds that find a plant. */
export function firstSeedOf(plant: string): number {
  return FROM[plant] ?? 1
}

/** The faults that the lane `sim` has to find. */
export const SIM_PLANTS: readonly Plant[] = [
  sim(
    'wall-clock-lease',
    'The silence of a worker is measured by the wall clock.',
    'reliability.md 2.5: reaper uses wall clock',
    edit('engine/rescuer.ts', 'const nowMs = clock.monotonicMs()', 'const nowMs = clock.now()'),
  ),
  sim(
    'no-poll',
    'Work is looked for only when somebody rings.',
    'reliability.md 2.5: wake-up only by notify, no poll',
    edit('engine/upkeep.ts', 'this.#parts.poll()', 'void 0'),
  ),
  sim(
    'drop-refused-outcomes',
    'Outcomes that the store refused are forgotten.',
    'reliability.md 2.5: unknown commit treated as failure',
    edit('engine/journal.ts', 'this.#outcomes = [...outcomes, ...this.#outcomes]', 'void 0'),
  ),
  sim(
    'acknowledge-early',
    'An add is acknowledged before it is written.',
    'reliability.md 2.5: acknowledge before commit (buffered enqueue)',
    edit(
      'engine/journal.ts',
      'this.#adds.push(entry)',
      "this.#adds.push({ tasks: entry.tasks, stored: () => {} })\n    entry.stored(undefined, entry.tasks.map(() => ({ kind: 'added', state: 'ready' })), 0)",
    ),
  ),
  sim(
    'stop-spends-attempt',
    'An attempt that a shutdown interrupts counts as failed.',
    'reliability.md 2.5: graceful stop counts an attempt (River #1290)',
    edit('engine/attempt.ts', "return 'handBack'", 'return this.#retry(error, undefined, true)'),
  ),
  sim(
    'stop-forgets-outcomes',
    'A stop hands back what has ended and is not written yet.',
    'reliability.md 2.5: stop forgets buffered completions',
    edit('engine/worker.ts', 'await within(clock, Math.max(abortMs, 1_000), this.journal.settle())', ''),
    edit('engine/worker.ts', 'this.journal.hasten()', ''),
    edit('engine/runner.ts', 'return this.#attempts.size + this.#unrecorded', 'return this.#attempts.size'),
  ),
  sim(
    'fence-unheard',
    'A worker that was declared dead does not learn it.',
    'reliability.md 2.3, L0: fence',
    edit('engine/worker.ts', 'if (written.fenced) this.#revive()', ''),
    edit('engine/worker.ts', 'if (!alive && self === this.incarnation && !this.#draining) this.#revive()', ''),
  ),
  sim(
    'one-off-sweep',
    'The dead are looked for at the start only.',
    'reliability.md 2.5: one-off requeue instead of a standing sweep',
    edit('engine/upkeep.ts', 'await rescuer.sweep()', ''),
  ),
  sim(
    'lane-without-limit',
    'A lane starts whatever waits.',
    'reliability.md 2.5, C14',
    edit(
      'engine/lane.ts',
      'return !this.paused && this.running < this.concurrency',
      'return !this.paused && this.running < 1_000',
    ),
  ),
  sim(
    'keep-dropped',
    'Tasks run whatever the status of their answer.',
    'fastapi-behaviour.md: ghost tasks',
    edit(
      'background-tasks.ts',
      "return on === 'always' || (on === 'success') === status < 400",
      'return on.length > 0 && status > 0',
    ),
  ),
  sim(
    'cancel-unheard',
    'A cancel from another process never reaches the attempt.',
    'reliability.md 2.3, L0: cancel',
    edit('engine/worker.ts', 'for (const id of claimed.cancelling) this.#parts.runner.cancel(id)', ''),
  ),
  sim(
    'one-attempt-too-many',
    'A task is tried once more than its policy allows.',
    'reliability.md 2.5, C9',
    edit('engine/attempt.ts', 'failed >= policy.attempts', 'failed > policy.attempts'),
  ),
  sim(
    'begin-unwritten',
    'A suspect begins without a note: it may kill its workers for ever.',
    'docs/decisions: what had not begun is charged one crash at most',
    edit(
      'engine/runner.ts',
      'this.#parts.journal().begun(attempt, isFirst ? () => this.#callMarked(attempt, context) : undefined)',
      'if (isFirst) this.#call(attempt, context)',
    ),
  ),
  sim(
    'series-unlinked',
    'The tasks of a response do not wait for each other.',
    'reliability.md 2.5, C6',
    edit(
      'background-tasks.ts',
      "draft.after = typeof this.#last === 'object' ? this.#last.id : this.#last",
      'draft.after = undefined',
    ),
  ),
  sim(
    'buffer-without-limit',
    'Adds are taken whatever waits to be written.',
    'reliability.md 2.5: unbounded completion buffer while the DB is down',
    edit('desk.ts', 'if (this.#buffered >= settings.bufferMax) {', 'if (this.#buffered < 0) {'),
  ),
  sim(
    'untrue-account',
    'The account of a stop does not name what was handed back.',
    'reliability.md 3f',
    edit('engine/worker.ts', 'handedBack: handedBack ?? []', 'handedBack: handedBack?.slice(1) ?? []'),
  ),
  sim(
    'timer-left-behind',
    'The timeout of an attempt goes on after its end.',
    'reliability.md 2.5, C7',
    edit('engine/attempt.ts', 'this.#over = true\n    this.#timer?.cancel()', 'this.#over = true'),
  ),
]
