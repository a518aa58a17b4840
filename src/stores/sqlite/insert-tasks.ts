import type { SQLInputValue } from 'node:sqlite'
import type { NewTask, TaskId } from '../../model/task.ts'
import type { Added } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { type Glance, glance, holderOf } from './holder.ts'
import { homeKey, spareKey } from './keys.ts'
import { EARLY, formatBits, formatOf, POWER } from './marks.ts'
import { STATE_CODES, stateOf } from './rows.ts'
import { isTakenKey } from './sqlite-errors.ts'
import { ALIKE_COLUMNS, ALIKE_SHARED, INSERT_COLUMNS, INSERT_GROUP } from './statements.ts'
import type { KnownWorker, Tally } from './write-transaction.ts'

const { ready: READY, running: RUNNING, scheduled: SCHEDULED, waiting: WAITING } = STATE_CODES

const ADDED: Readonly<Record<number, Added>> = {
  [READY]: { kind: 'added', state: 'ready' },
  [RUNNING]: { kind: 'added', state: 'running' },
  [SCHEDULED]: { kind: 'added', state: 'scheduled' },
  [WAITING]: { kind: 'added', state: 'waiting' },
}

/** The values of a group of rows; a transaction fills and uses it without a pause in between. */
const groupValues: SQLInputValue[] = Array.from({ length: INSERT_GROUP * INSERT_COLUMNS }, () => null)

/** The same of rows that are alike, by their number. */
const alikeValues = new Map(
  [16, 4].map((rows) => [rows, Array.from({ length: ALIKE_SHARED + rows * ALIKE_COLUMNS }, (): SQLInputValue => null)]),
)

/**
 * Inserts the adds of one transaction, in their order. Where nothing has to be looked up first several rows go by one
 * statement: what differs in little by sixteen and by four, the rest by eight. What does not fit into a group, and a
 * group of which a key is taken, goes one by one.
 */
export class TaskInserter {
  readonly #db: Database
  readonly #worker: KnownWorker | undefined
  readonly #paused: ReadonlySet<string>
  readonly #tally: Tally
  /** The add before, unless its id was there already: what comes behind it has to wait. */
  #before: TaskId | undefined
  /** Ids that were there already are no links of a series: whom those of it wait behind who wanted to wait behind them. */
  #links: Map<string, TaskId | undefined> | undefined

  constructor(db: Database, worker: KnownWorker | undefined, paused: ReadonlySet<string>, tally: Tally) {
    this.#db = db
    this.#worker = worker
    this.#paused = paused
    this.#tally = tally
  }

  /** What became of each. */
  addAll(adds: readonly NewTask[]): Added[] {
    const added: Added[] = []
    while (added.length < adds.length) {
      const from = added.length
      const left = adds.length - from
      if (left >= 16 && this.#addAlike(adds, from, 16, added)) continue
      if (left >= 4 && this.#addAlike(adds, from, 4, added)) continue
      if (left >= INSERT_GROUP && this.#addGroup(adds, from, added)) continue
      const to = Math.min(adds.length, from + 4)
      for (let i = from; i < to; i++) added.push(this.#addOne(adds[i]!))
    }
    return added
  }

  /** False when they are not alike, or something has to be looked up: nothing was inserted then. */
  #addAlike(adds: readonly NewTask[], from: number, count: 16 | 4, added: Added[]): boolean {
    const first = adds[from]!
    const state = this.#stateOf(first, false)
    const values = alikeValues.get(count)!
    const running = state === RUNNING
    values[0] = state
    values[1] = this.#db.kinds.codeOf(first)
    values[2] = first.priority
    values[3] = running ? first.claimFor! : null
    values[4] = running ? 1 : 0
    values[5] = marksOf(first, running)
    let at = ALIKE_SHARED
    for (let i = from; i < from + count; i++) {
      const task = adds[i]!
      const key = isLike(task, first) ? homeKey(task.id) : undefined
      if (key === undefined) return false
      values[at++] = key
      values[at++] = task.id
      values[at++] = task.addedAt
      values[at++] = task.requestId ?? null
      values[at++] = task.input.text
    }
    if (!this.#runGroup(count === 16 ? 'insert_16_alike' : 'insert_4_alike', values)) return false
    this.#before = adds[from + count - 1]!.id
    for (let i = 0; i < count; i++) added.push(this.#counted(first, state))
    return true
  }

  /** All rows, or none when one of their keys is taken. */
  #runGroup(name: 'insert_16_alike' | 'insert_4_alike' | 'insert_group', values: readonly SQLInputValue[]): boolean {
    try {
      this.#db.sql(name).run(...values)
      return true
    } catch (error) {
      if (isTakenKey(error)) return false
      throw error
    }
  }

  /** False when nothing of the group was inserted: it needs a look at what is there. */
  #addGroup(adds: readonly NewTask[], from: number, added: Added[]): boolean {
    const states: number[] = []
    let before = this.#before
    for (let i = 0; i < INSERT_GROUP; i++) {
      const task = adds[from + i]!
      const key = task.idempotent ? undefined : homeKey(task.id)
      if (key === undefined || (task.after !== undefined && task.after !== before)) return false
      const state = this.#stateOf(task, task.after !== undefined)
      this.#fill(groupValues, i * INSERT_COLUMNS, task, key, state, task.after)
      states.push(state)
      before = task.id
    }
    if (!this.#runGroup('insert_group', groupValues)) return false
    this.#before = before
    for (let i = 0; i < INSERT_GROUP; i++) added.push(this.#counted(adds[from + i]!, states[i]!))
    return true
  }

  #addOne(task: NewTask): Added {
    const behind = task.after === undefined ? undefined : this.#holderOf(task.after, task.series)
    const answer = this.#insertOne(task, behind)
    this.#before = answer.kind === 'added' ? task.id : undefined
    if (answer.kind !== 'added') this.#pass(task, behind, answer.kind === 'taken')
    return answer
  }

  /** What comes behind that id in its series waits behind the one before it; behind a stranger alone, nobody waits. */
  #pass({ id, series }: NewTask, behind: TaskId | undefined, taken: boolean): void {
    const links = (this.#links ??= new Map())
    const link = linkOf(series, id)
    if (behind !== undefined || taken) links.set(link, behind)
    else links.delete(link)
  }

  #holderOf(after: TaskId, series: TaskId | undefined): TaskId | undefined {
    // The common chain, a response's tasks in one batch, needs no look-up of the one before.
    if (this.#before === after) return after
    const link = this.#links === undefined ? undefined : linkOf(series, after)
    const behind = link !== undefined && this.#links!.has(link) ? this.#links!.get(link) : after
    return behind === undefined ? undefined : holderOf(this.#db, behind)
  }

  #insertOne(task: NewTask, behind: TaskId | undefined): Added {
    const home = task.idempotent ? undefined : homeKey(task.id)
    // An id of the caller's may also name a task that was added under a home key.
    if (task.idempotent && homeKey(task.id) !== undefined) {
      const there = glance(this.#db, task.id)
      if (there !== undefined) return this.#sameTask(there, task)
    }
    const state = this.#stateOf(task, behind !== undefined)
    if (home === undefined || !this.#insert(task, home, state, behind)) {
      // A key that is taken: by this very task, or at home by another one of the same millisecond.
      const there = home === undefined ? undefined : glance(this.#db, task.id)
      if (there !== undefined) return this.#sameTask(there, task)
      if (!this.#insert(task, spareKey(task.id), state, behind)) return this.#whoIsThere(task)
      if (state === RUNNING) this.#worker!.strays.add(task.id)
    }
    return this.#counted(task, state)
  }

  #stateOf(task: NewTask, behind: boolean): number {
    if (task.dueAt !== undefined) return SCHEDULED
    if (behind) return WAITING
    const mine = task.claimFor !== undefined && task.claimFor === this.#worker?.incarnation
    return mine && !this.#paused.has(task.queue) ? RUNNING : READY
  }

  #counted(task: NewTask, state: number): Added {
    this.#tally.live++
    if (state === WAITING) this.#tally.waiting++
    if (state === READY) this.#tally.ready.add(task.queue)
    return ADDED[state]!
  }

  /** False when the key is taken. */
  #insert(task: NewTask, key: number, state: number, behind: TaskId | undefined): boolean {
    const values: SQLInputValue[] = []
    this.#fill(values, 0, task, key, state, behind)
    return this.#db.sql('insert').run(...values).changes === 1
  }

  #whoIsThere(task: NewTask): Added {
    const there = glance(this.#db, task.id)
    // Another id has the same spare key: one chance in 2^52 for each stored task.
    return there === undefined ? { kind: 'taken', by: 'another id' } : this.#sameTask(there, task)
  }

  #sameTask({ kind, marks, input, state }: Glance, task: NewTask): Added {
    const { name } = this.#db.kinds.of(kind)
    const same = name === task.name && input === task.input.text && formatOf(marks, 'input') === task.input.format
    return same ? { kind: 'exists', state: stateOf(state) } : { kind: 'taken', by: name }
  }

  /** Puts the values of one row where they stand in the insert statements. */
  #fill(
    values: SQLInputValue[],
    from: number,
    task: NewTask,
    key: number,
    state: number,
    behind: TaskId | undefined,
  ): void {
    const running = state === RUNNING
    let at = from
    values[at++] = key
    values[at++] = task.id
    values[at++] = state
    values[at++] = this.#db.kinds.codeOf(task)
    values[at++] = task.priority
    values[at++] = task.addedAt
    values[at++] = task.dueAt ?? null
    values[at++] = running ? task.claimFor! : null
    values[at++] = running ? 1 : 0
    values[at++] = marksOf(task, running)
    values[at++] = task.series ?? null
    values[at++] = state === WAITING ? behind! : null
    values[at++] = task.requestId ?? null
    values[at++] = task.carried?.text ?? null
    values[at] = task.input.text
  }
}

/** Whether two tasks differ in nothing but id, time, request and input, and stand in no series. */
function isLike(task: NewTask, other: NewTask): boolean {
  return (
    !task.idempotent &&
    task.dueAt === undefined &&
    task.after === undefined &&
    task.series === undefined &&
    task.carried === undefined &&
    task.name === other.name &&
    task.queue === other.queue &&
    task.version === other.version &&
    task.priority === other.priority &&
    task.durability === other.durability &&
    task.claimFor === other.claimFor &&
    task.early === other.early &&
    task.input.format === other.input.format
  )
}

/** One id may be wanted in several series of one transaction. A series has the name of its first task. */
function linkOf(series: TaskId | undefined, id: TaskId): string {
  return `${series ?? id} ${id}`
}

function marksOf(task: NewTask, running: boolean): number {
  return (
    task.input.format |
    formatBits(task.carried, 'carried') |
    (task.durability === 'power' ? POWER : 0) |
    (running && task.early === true ? EARLY : 0)
  )
}
