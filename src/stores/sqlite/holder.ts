import type { TaskId } from '../../model/task.ts'
import type { Database } from './database.ts'
import { homeKey, spareKey } from './keys.ts'
import { PASSED } from './marks.ts'
import { STATE_CODES } from './rows.ts'

/** What a row that is there already tells. */
export interface Glance {
  readonly state: number
  readonly kind: number
  readonly marks: number
  readonly claims: number
  readonly input: string
  readonly after: TaskId | null
}

const { succeeded: FIRST_FINAL, cancelled: CANCELLED } = STATE_CODES

/** A quick look at the row of `id`, if there is one. */
export function glance(db: Database, id: TaskId): Glance | undefined {
  const home = homeKey(id)
  const found = home === undefined ? undefined : db.sql('glance').get(home, id)
  return (found ?? db.sql('glance').get(spareKey(id), id)) as Glance | undefined
}

/**
 * The task that holds back what comes behind `id`: itself, or, when it was cancelled as it waited, the one before it. Such a
 * task is a link of its series until the one before it has passed, and is not pruned earlier: a later add knows the
 * series by its last task alone.
 */
export function holderOf(db: Database, id: TaskId): TaskId | undefined {
  for (let holder: TaskId | null = id; holder !== null;) {
    const row = glance(db, holder)
    if (row === undefined || (row.marks & PASSED) !== 0) return undefined
    if (row.state < FIRST_FINAL) return holder
    // One that was claimed had its turn: what stood before it has passed, and may be another task of that id by now.
    if (row.state !== CANCELLED || row.claims > 0) return undefined
    holder = row.after
  }
  return undefined
}
