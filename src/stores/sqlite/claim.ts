import type { ClaimedTask, Instant } from '../../model/task.ts'
import type { ClaimAsk, Claimed } from '../../ports/store.ts'
import type { Database } from './database.ts'
import { EARLY } from './marks.ts'
import { claimedTask, type ClaimRow } from './rows.ts'
import type { KnownWorker } from './write-transaction.ts'

/** Due tasks that one transaction makes ready; the rest follow with the next. */
const PROMOTE_MAX = 256

/** Makes due tasks ready, then claims for each queue with room. Runs inside the caller's transaction. */
export function claimTasks(
  db: Database,
  worker: KnownWorker,
  ask: ClaimAsk,
  paused: ReadonlySet<string>,
  now: Instant,
  ready: Set<string>,
): Claimed {
  const promoted = db.sql('promote').all(now, PROMOTE_MAX) as { kind: number }[]
  for (const { kind } of promoted) ready.add(db.kinds.of(kind).queue)
  const tasks: ClaimedTask[] = []
  let more = promoted.length === PROMOTE_MAX
  let { probation } = ask
  for (const [queue, room] of ask.room) {
    if (paused.has(queue)) continue
    const places = room - Math.min(room, ask.early?.get(queue) ?? 0)
    const first = probation === 'first' && room > 0 ? claimRisky(db, worker, queue) : []
    const rows = claimIn(db, worker, queue, places - first.length, false)
    rows.push(...first)
    // What will not begin at once is claimed by a second statement, and marked: the first one found all there is, or this is the rest.
    if (rows.length >= places) rows.push(...claimIn(db, worker, queue, room - rows.length, true))
    if (rows.length >= room) more = true
    // Without being asked for first it needs a place that is left over: it must not hold up others.
    const last = probation === true && rows.length < places ? claimRisky(db, worker, queue) : []
    rows.push(...last)
    if (first.length + last.length > 0) probation = false
    for (const row of rows) {
      if (row.key < 0) worker.strays.add(row.id)
      tasks.push(claimedTask(row, db.kinds.of(row.kind)))
    }
  }
  tasks.sort(byTurn)
  const { due_at: nextDueAt } = db.sql('next_due').get() as { due_at: number | null }
  const cancelling = (db.sql('cancelling').all(worker.incarnation) as { id: string }[]).map((row) => row.id)
  return { tasks, nextDueAt: nextDueAt ?? undefined, more, cancelling }
}

/** The oldest task on probation. */
function claimRisky(db: Database, worker: KnownWorker, queue: string): ClaimRow[] {
  return db.sql('claim_probation').all(worker.incarnation, queue, worker.labelsJson) as unknown as ClaimRow[]
}

function claimIn(db: Database, worker: KnownWorker, queue: string, room: number, early: boolean): ClaimRow[] {
  if (room <= 0) return []
  const mark = early ? EARLY : 0
  return db.sql('claim').all(worker.incarnation, mark, worker.labelsJson, queue, room, room) as unknown as ClaimRow[]
}

/** RETURNING gives rows in no particular order. */
function byTurn(a: ClaimedTask, b: ClaimedTask): number {
  return b.priority - a.priority || a.addedAt - b.addedAt || (a.id < b.id ? -1 : 1)
}
