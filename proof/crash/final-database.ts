import { DatabaseSync } from 'node:sqlite'

/** A task as the run left it in the database. */
export interface FinalTask {
  readonly id: string
  readonly n: number
  readonly step: number
  readonly state: string
  readonly claims: number
  readonly crashes: number
  readonly handBacks: number
  readonly deferrals: number
}

/** What the run left in the database. */
export interface FinalDatabase {
  readonly tasks: readonly FinalTask[]
  /** What `PRAGMA integrity_check` says: `ok`. */
  readonly integrity: string
  /** What the store counted as it went. */
  readonly counted: { readonly live: number; readonly waiting: number }
  /** The same, counted again. */
  readonly recounted: { readonly live: number; readonly waiting: number }
}

type Row = Omit<FinalTask, 'n' | 'step' | 'handBacks'> & { readonly hand_backs: number; readonly input: string }

/** Reads what a run has left. No process may have the database open any more, or what is read is a moment of it. */
export function readFinalDatabase(file: string): FinalDatabase {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const rows = database
      .prepare(
        `SELECT id, name AS state, claims, crashes, hand_backs, deferrals, input
         FROM afterword_task JOIN afterword_task_state ON code = state`,
      )
      .all() as unknown as Row[]
    const tasks = rows.map(({ hand_backs: handBacks, input, ...row }) => {
      const { n, step } = JSON.parse(input) as { n: number; step: number }
      return { ...row, handBacks, n, step }
    })
    const { integrity_check: integrity } = database.prepare('PRAGMA integrity_check').get() as {
      integrity_check: string
    }
    const live = tasks.filter(({ state }) => LIVE.has(state))
    return {
      tasks,
      integrity,
      counted: {
        ...(database.prepare('SELECT live, waiting FROM afterword_counter').get() as FinalDatabase['counted']),
      },
      recounted: { live: live.length, waiting: live.filter(({ state }) => state === 'waiting').length },
    }
  } finally {
    database.close()
  }
}

/** States in which a task has still to end. */
export const LIVE: ReadonlySet<string> = new Set(['ready', 'running', 'scheduled', 'waiting'])

/** Looks at a database that is in use. */
export class LiveCount {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  }

  /** Tasks that have still to end. */
  count(): number {
    const { live } = this.#database.prepare('SELECT count(*) AS live FROM afterword_task WHERE state < 4').get() as {
      live: number
    }
    return live
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
