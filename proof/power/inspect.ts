/**
 * What an image says when the store of the product opens it: whether it opens, whether SQLite finds it sound, whether its
 * rows agree with each other, and whether they are what the program was promised up to the cut.
 */
import { DatabaseSync } from 'node:sqlite'
import { systemChance, systemClock } from '../../src/ports/system.ts'
import { PASSED } from '../../src/stores/sqlite/marks.ts'
import { STATE_CODES, stateOf } from '../../src/stores/sqlite/rows.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import type { Fate } from './disk.ts'
import type { Promised } from './promises.ts'
import { inputOf } from './tasks.ts'
import type { ViolationKind } from './violation.ts'

/** What is wrong with an image, and what of the weaker promise a power cut took. */
export interface Inspection {
  readonly wrong: readonly { readonly kind: ViolationKind; readonly what: string }[]
  readonly lost: number
  /** Tasks that were to survive the death of the process only, and did not survive the power cut: documented, counted. */
  readonly lostProcess: number
}

interface Row {
  readonly key: number
  readonly id: string
  readonly state: number
  readonly worker: number | null
  readonly due_at: number | null
  readonly finished_at: number | null
  readonly marks: number
  /** 1: its queue and its name are known. */
  readonly named: number
  readonly after: string | null
  readonly claims: number
  readonly n: number
  readonly input: string
}

const ROWS = `SELECT key, id, state, worker, due_at, finished_at, marks, after, claims,
  EXISTS (SELECT 1 FROM afterword_kind WHERE code = kind) AS named,
  input ->> 'n' AS n, input FROM afterword_task`

/** Opens the database of an image as the product does, and compares it with what was promised. */
export async function inspect(file: string, fate: Fate, promises: Promised): Promise<Inspection> {
  const store = new SqliteStore(file, { clock: systemClock, chance: systemChance, sync: 'inline' })
  try {
    await store.open()
  } catch (error) {
    return { wrong: [{ kind: 'unopenable', what: lineOf(error) }], lost: 0, lostProcess: 0 }
  }
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const sound = db.prepare('PRAGMA integrity_check(3)').all() as { integrity_check: string }[]
    if (sound[0]?.integrity_check !== 'ok') {
      const what = sound.map((row) => row.integrity_check).join('; ')
      return { wrong: [{ kind: 'corrupt', what }], lost: 0, lostProcess: 0 }
    }
    return judge(db, fate, promises)
  } catch (error) {
    return { wrong: [{ kind: 'corrupt', what: lineOf(error) }], lost: 0, lostProcess: 0 }
  } finally {
    db.close()
    await store.close()
  }
}

function judge(db: DatabaseSync, fate: Fate, promises: Promised): Inspection {
  const rows = db.prepare(ROWS).all() as unknown as Row[]
  const there = new Set(rows.map(({ n }) => n))
  const missing = [...promises.acknowledged].filter(([n]) => !there.has(n))
  const broken = missing.filter(([, durability]) => durability === 'power' || fate === 'keep')
  const wrong = [
    ...broken.map(([n, durability]) => ({
      kind: 'lost' as const,
      what: `task ${n}, acknowledged with durability ${durability}`,
    })),
    ...rows
      .filter(({ n }) => !promises.tried.has(n))
      .map(({ id }) => ({ kind: 'phantom' as const, what: `task ${id}` })),
    ...contradictions(db, rows, promises).map((what) => ({ kind: 'inconsistent' as const, what })),
  ]
  return { wrong, lost: broken.length, lostProcess: missing.length - broken.length }
}

/** Rows that cannot be as they are. */
function contradictions(db: DatabaseSync, rows: readonly Row[], promises: Promised): string[] {
  const workers = new Set(
    (db.prepare('SELECT incarnation FROM afterword_worker').all() as { incarnation: number }[]).map(
      (row) => row.incarnation,
    ),
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  const found = rows.flatMap((row) => {
    const why = contradiction(row, byId, workers, promises)
    return why === undefined ? [] : [`task ${row.n} is ${stateName(row.state)}, ${why}`]
  })
  if (byId.size !== rows.length) found.push(`${rows.length} tasks have only ${byId.size} ids`)
  const counter = db.prepare('SELECT live, waiting FROM afterword_counter').get() as { live: number; waiting: number }
  const live = rows.filter(({ state }) => state < STATE_CODES.succeeded).length
  const waiting = rows.filter(({ state }) => state === STATE_CODES.waiting).length
  if (counter.live !== live || counter.waiting !== waiting) {
    found.push(`the counters say ${counter.live} live and ${counter.waiting} waiting, the rows ${live} and ${waiting}`)
  }
  return found
}

function contradiction(
  row: Row,
  byId: ReadonlyMap<string, Row>,
  workers: ReadonlySet<number>,
  promises: Promised,
): string | undefined {
  const { ready, running, scheduled, waiting, succeeded, failed, quarantined } = STATE_CODES
  const { state } = row
  if (!(state >= ready && state <= quarantined)) return 'which is no state'
  if (row.named !== 1) return 'and of no known queue and name'
  if (row.input !== JSON.stringify(inputOf(row.n))) return 'and its input is not what was added'
  if ((state === running) !== (row.worker !== null)) return `and its worker is ${row.worker}`
  // Nobody would take it back from a worker that is not registered.
  if (state === running && !workers.has(row.worker!)) return `by worker ${row.worker}, which is not registered`
  if ((state === scheduled) !== (row.due_at !== null) && state < succeeded) return `and is due at ${row.due_at}`
  if (state >= succeeded !== (row.finished_at !== null)) return `and finished at ${row.finished_at}`
  if ((state === succeeded || state === failed) && !promises.ran.has(row.n)) return 'but it never ran'
  if (state !== waiting) return undefined
  const before = row.after === null ? undefined : byId.get(row.after)
  const holds = before !== undefined && before.state < succeeded && (before.marks & PASSED) === 0
  return holds ? undefined : `behind ${row.after}, which will not let it go`
}

function stateName(code: number): string {
  return code in Object.values(STATE_CODES) ? stateOf(code) : String(code)
}

/** An error in one line. */
export function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0]!
}
