/**
 * The shipping store in memory, with a way back: its rows can be read and written whole, so that it can be put into any
 * state it was in before. Its verbs are the real ones and run the real SQL.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { systemChance as chance, systemClock as clock } from '../../src/ports/system.ts'
import { registration } from '../../src/stores/conformance/fixtures.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

type Value = string | number | bigint | null | NodeJS.ArrayBufferView
type Line = Readonly<Record<string, Value>>

/** What the store is made of; `sqlite_sequence` gives the incarnations their numbers. */
const TABLES = {
  task: 'afterword_task',
  worker: 'afterword_worker',
  counter: 'afterword_counter',
  sequence: 'sqlite_sequence',
} as const

type Part = keyof typeof TABLES
const PARTS = Object.keys(TABLES) as Part[]

/** Everything in the store. */
export type Snapshot = Readonly<Record<Part, readonly Line[]>>

/** See the top of the file. */
export class LiveStore {
  readonly store: SqliteStore
  readonly #read: Readonly<Record<string, StatementSync>>
  readonly #connection: DatabaseSync
  readonly #inserts = new Map<string, StatementSync>()
  /** What the tables held when somebody last looked, as long as nobody else has written since. */
  #held: Snapshot | undefined

  private constructor(store: SqliteStore, connection: DatabaseSync) {
    this.store = store
    this.#connection = connection
    this.#read = Object.fromEntries(PARTS.map((part) => [part, connection.prepare(`SELECT * FROM ${TABLES[part]}`)]))
  }

  static async open(): Promise<LiveStore> {
    const store = new SqliteStore(undefined, { clock, chance })
    const connection = await connectionOf(() => store.open())
    return new LiveStore(store, connection)
  }

  close(): Promise<void> {
    return this.store.close()
  }

  /** What the store holds. To be called after every verb that is to be compared or gone back from. */
  snapshot(): Snapshot {
    const entries = PARTS.map((part) => [part, this.#read[part]!.all() as Line[]])
    this.#held = Object.fromEntries(entries) as Snapshot
    return this.#held
  }

  /** Writes what the store held before over what it holds; a table that is the same is left alone. */
  restore(snapshot: Snapshot): void {
    for (const part of PARTS) {
      if (this.#held !== undefined && isDeepStrictEqual(this.#held[part], snapshot[part])) continue
      this.#insertOf(`DELETE FROM ${TABLES[part]}`).run()
      for (const line of snapshot[part]) {
        const columns = Object.keys(line)
        const sql = `INSERT INTO ${TABLES[part]} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
        this.#insertOf(sql).run(...Object.values(line))
      }
    }
    this.#held = snapshot
  }

  /**
   * Lets the store object know an incarnation that it has seen retire, as one of its own: what it remembers besides its
   * rows, the workers that registered through it, does not come back with the rows. Leaves the rows in disorder.
   */
  async know(incarnation: number): Promise<void> {
    this.#held = undefined
    this.#insertOf('DELETE FROM afterword_worker').run()
    this.#insertOf("UPDATE sqlite_sequence SET seq = ? WHERE name = 'afterword_worker'").run(incarnation - 1)
    await this.store.register(registration())
  }

  #insertOf(sql: string): StatementSync {
    const known = this.#inserts.get(sql) ?? this.#connection.prepare(sql)
    this.#inserts.set(sql, known)
    return known
  }
}

/** The connection that `open` makes. An in-memory database has no other way in, and the store shows nobody its own. */
async function connectionOf(open: () => Promise<void>): Promise<DatabaseSync> {
  // oxlint-disable-next-line typescript/unbound-method
  const { prepare } = DatabaseSync.prototype
  let connection: DatabaseSync | undefined
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...args) {
    // oxlint-disable-next-line typescript/no-this-alias
    connection = this
    return prepare.apply(this, args)
  }
  try {
    await open()
  } finally {
    DatabaseSync.prototype.prepare = prepare
  }
  if (connection === undefined) throw new Error('The store was opened without a single statement.')
  return connection
}
