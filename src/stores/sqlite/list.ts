/**
 * Looking at many tasks, newest first. A page never costs more than a fixed number of rows read: what a filter has no
 * index for is tried on that many candidates, and the page says where it stopped.
 *
 * The candidates come from the partial indexes when only live states are asked for, so that the history costs nothing; the
 * newest keys of such an index are found by running over it, which grows with the tasks in that state, not with what was
 * done. Else they are the newest rows of the table.
 */
import { CANARY_QUEUE } from '../../model/canary.ts'
import { isFinal, type LIVE_STATES, type TaskState } from '../../model/task-state.ts'
import type { TaskId, TaskRecord } from '../../model/task.ts'
import type { ListAsk, Listed } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { homeKey, spareKey } from './keys.ts'
import type { Kind } from './kinds.ts'
import { stateOf, taskRecord, type TaskRow } from './rows.ts'
import type { StatementName } from './statements.ts'

/** Candidates tried for one page: about ten milliseconds of the event loop. */
const LOOK_MAX = 5_000

interface Candidate {
  readonly key: number
  readonly id: TaskId
  readonly state: number
  readonly kind: number
  readonly series: string | null
  readonly request_id: string | null
}

/** The statements that give the newest tasks of a live state. */
const BY_STATE: Readonly<Record<(typeof LIVE_STATES)[number], readonly StatementName[]>> = {
  ready: ['list_ready', 'list_probation'],
  running: ['list_running'],
  scheduled: ['list_scheduled'],
  waiting: ['list_waiting'],
}

/** One page. Runs outside of any transaction: a task that goes meanwhile is left out. */
export function listTasks(db: Database, ask: ListAsk): Listed {
  const { limit } = ask
  const look = isNarrow(ask) ? LOOK_MAX : limit
  const keys: { key: number; id: TaskId }[] = []
  let looked = 0
  let last: TaskId | undefined
  let more = false
  for (const candidate of candidates(db, ask, look + 1)) {
    more = keys.length === limit || looked === look
    if (more) break
    looked++
    last = candidate.id
    if (matches(candidate, db.kinds.of(candidate.kind), ask)) keys.push(candidate)
  }
  const tasks = keys.flatMap(({ key, id }): TaskRecord[] => {
    const row = db.sql('find').get(key, id) as TaskRow | undefined
    return row === undefined ? [] : [taskRecord(row, db.kinds.of(row.kind))]
  })
  return { tasks, next: more ? last : undefined }
}

/** Whether a candidate may fail the filter. */
function isNarrow({ states, queue, name, requestId, series }: ListAsk): boolean {
  const byIndex = states === undefined || liveStatements(states) !== undefined
  return !byIndex || [queue, name, requestId, series].some((wanted) => wanted !== undefined)
}

function matches(row: Candidate, kind: Kind, { states, queue, name, requestId, series }: ListAsk): boolean {
  return (
    kind.queue !== CANARY_QUEUE &&
    (states === undefined || states.includes(stateOf(row.state))) &&
    (queue === undefined || kind.queue === queue) &&
    (name === undefined || kind.name === name) &&
    (requestId === undefined || row.request_id === requestId) &&
    (series === undefined || row.series === series || row.id === series)
  )
}

/** Newest first, at most so many. */
function candidates(db: Database, { states, before }: ListAsk, max: number): Iterable<Candidate> {
  const below = before === undefined ? Number.MAX_SAFE_INTEGER : keyOf(db, before)
  const live = states === undefined ? undefined : liveStatements(states)
  if (live === undefined) return db.sql('list').iterate(below, max) as unknown as Iterable<Candidate>
  return live
    .flatMap((name) => db.sql(name).all(below, max) as unknown as Candidate[])
    .toSorted((a, b) => b.key - a.key)
    .slice(0, max)
}

/** Undefined when one of the states is final: those have no index. */
function liveStatements(states: readonly TaskState[]): StatementName[] | undefined {
  const live = [...new Set(states)].filter((state) => !isFinal(state))
  return live.length < new Set(states).size ? undefined : live.flatMap((state) => BY_STATE[state])
}

/** Where a task stands, or stood: pages go on behind one that has been pruned meanwhile. */
function keyOf(db: Database, id: TaskId): number {
  const [home, spare] = [homeKey(id), spareKey(id)]
  const isSpare = home === undefined || (!isThere(db, home, id) && isThere(db, spare, id))
  return isSpare ? spare : home
}

function isThere(db: Database, key: number, id: TaskId): boolean {
  return db.sql('glance').get(key, id) !== undefined
}
