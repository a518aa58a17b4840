import type { Incarnation, Instant, Outcome, StoredError } from '../../model/task.ts'
import type { Database } from './database.ts'
import { homeKey, spareKey } from './keys.ts'
import { formatBits } from './marks.ts'
import { STATE_CODES } from './rows.ts'
import type { KnownWorker, Tally } from './write-transaction.ts'

const { failed: FAILED, cancelled: CANCELLED } = STATE_CODES

/** Fewer rows side by side than this are ended one by one. */
const RUN_MIN = 4

/** Successes whose rows lie side by side: `count` outcomes from one on, the first at `key`. */
interface Run {
  readonly key: number
  readonly count: number
}

/**
 * Records the outcomes of one transaction. Tasks that were added together lie side by side and mostly end together, so one
 * statement ends a whole run of them: a third of the price. Anything out of the ordinary goes one by one.
 */
export class OutcomeRecorder {
  readonly #db: Database
  readonly #incarnation: Incarnation
  readonly #worker: KnownWorker | undefined
  readonly #now: Instant
  readonly #tally: Tally

  /** @param worker  undefined when it is not registered any more: then no guard matches, and nothing is changed. */
  constructor(db: Database, incarnation: Incarnation, worker: KnownWorker | undefined, now: Instant, tally: Tally) {
    this.#db = db
    this.#incarnation = incarnation
    this.#worker = worker
    this.#now = now
    this.#tally = tally
  }

  /** Whether each was recorded; one whose claim is lost changes nothing. */
  recordAll(outcomes: readonly Outcome[]): boolean[] {
    const recorded: boolean[] = []
    while (recorded.length < outcomes.length) {
      const from = recorded.length
      const run = this.#runAt(outcomes, from)
      if (run !== undefined && this.#endRun(outcomes[from]!, run)) {
        for (let i = 0; i < run.count; i++) recorded.push(true)
      } else {
        const to = from + (run?.count ?? 1)
        for (let i = from; i < to; i++) recorded.push(this.#record(outcomes[i]!))
      }
    }
    return recorded
  }

  /** The run that begins there, if it is long enough. */
  #runAt(outcomes: readonly Outcome[], from: number): Run | undefined {
    const first = outcomes[from]!
    const key = this.#plainKey(first)
    if (key === undefined) return undefined
    const { claims } = first
    const forget = first.move === 'succeed' && first.forget
    let count = 1
    for (; from + count < outcomes.length; count++) {
      const next = outcomes[from + count]!
      if (next.claims !== claims || next.move !== 'succeed' || next.forget !== forget) break
      if (this.#plainKey(next) !== key + count) break
    }
    return count < RUN_MIN ? undefined : { key, count }
  }

  /**
   * The key of a success that has nothing to tell, when its row can only be there: a worker knows which of the tasks it
   * holds are not at home. The row at the home key then is that task's, or its claim is lost and the guard says so.
   */
  #plainKey(outcome: Outcome): number | undefined {
    if (outcome.move !== 'succeed' || outcome.result !== undefined || outcome.error !== undefined) return undefined
    const strays = this.#worker?.strays
    // Mostly there are none, and then the id needs no hash.
    const isAtHome = strays !== undefined && (strays.size === 0 || !strays.has(outcome.id))
    return isAtHome ? homeKey(outcome.id) : undefined
  }

  /** Ends all rows of the run, or none when one of them is not held any more. */
  #endRun(first: Outcome, { key, count }: Run): boolean {
    const db = this.#db
    const guard = [key, key + count - 1, this.#incarnation, first.claims] as const
    db.sql('savepoint').run()
    const { changes } =
      first.move === 'succeed' && first.forget
        ? db.sql('succeed_run_and_forget').run(...guard)
        : db.sql('succeed_run').run(this.#now, ...guard)
    const all = changes === count
    if (!all) db.sql('rollback_to_savepoint').run()
    db.sql('release_savepoint').run()
    if (all) this.#tally.live -= count
    return all
  }

  #record(outcome: Outcome): boolean {
    // A row is at its home key but for the rare one that found it taken, and for ids of the caller's own.
    const home = homeKey(outcome.id)
    const final =
      (home === undefined ? undefined : this.#apply(outcome, home)) ?? this.#apply(outcome, spareKey(outcome.id))
    this.#worker?.strays.delete(outcome.id)
    if (final === true) this.#tally.live--
    return final !== undefined
  }

  /** Undefined when the guard did not match; else whether the task is final by it. */
  #apply(outcome: Outcome, key: number): boolean | undefined {
    const db = this.#db
    const guard = [key, outcome.id, this.#incarnation, outcome.claims] as const
    switch (outcome.move) {
      case 'succeed': {
        if (outcome.forget) return this.#forget(key, guard) ? true : undefined
        const bits = formatBits(outcome.result, 'result')
        const error = outcome.error === undefined ? null : errorText(outcome.error)
        const done = db.sql('succeed').run(this.#now, bits, outcome.result?.text ?? null, error, ...guard)
        return done.changes === 1 ? true : undefined
      }
      case 'retry': {
        const error = errorText(outcome.error)
        const free = outcome.costsAttempt ? 0 : 1
        if (db.sql('retry').run(outcome.dueAt, error, free, ...guard).changes === 1) return false
        return db.sql('cancel_instead').run(this.#now, error, ...guard).changes === 1 ? true : undefined
      }
      case 'fail':
      case 'cancel': {
        const state = outcome.move === 'fail' ? FAILED : CANCELLED
        const done = db.sql('end').run(state, this.#now, errorText(outcome.error), ...guard)
        return done.changes === 1 ? true : undefined
      }
    }
  }

  #forget(key: number, guard: readonly (number | string)[]): boolean {
    const db = this.#db
    if (db.sql('succeed_and_forget').run(...guard).changes === 1) return true
    if (db.sql('succeed_and_forget_steps').run(...guard).changes === 0) return false
    db.sql('forget_steps').run(key)
    return true
  }
}

function errorText(error: StoredError): string {
  return JSON.stringify(error)
}
