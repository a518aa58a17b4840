import type { Database } from './database.ts'

/** A queue and the name of a definition in it. */
export interface Kind {
  readonly queue: string
  readonly name: string
}

/**
 * Rows hold the number of their queue and name instead of both texts: there are few of these pairs and many rows. Pairs
 * are only ever added, so what was read once stays true; one that was added in a transaction is known from its commit on.
 */
export class Kinds {
  readonly #db: Database
  readonly #kinds = new Map<number, Kind>()
  /** Queue, then name. */
  readonly #codes = new Map<string, Map<string, number>>()
  /** Added by the transaction under way. */
  readonly #fresh = new Map<number, Kind>()

  constructor(db: Database) {
    this.#db = db
  }

  /** The number of a pair, which is added when it is not there. To be called inside a transaction. */
  codeOf(queue: string, name: string): number {
    return this.#codes.get(queue)?.get(name) ?? this.#add(queue, name)
  }

  /** The pair of a number that stands in a row. */
  of(code: number): Kind {
    return this.#kinds.get(code) ?? this.#fresh.get(code) ?? this.#find(code)
  }

  /** The transaction is committed. */
  keep(): void {
    if (this.#fresh.size === 0) return
    for (const [code, kind] of this.#fresh) this.#know(code, kind)
    this.#fresh.clear()
  }

  /** The transaction is rolled back: the numbers that it gave are free again. */
  forget(): void {
    this.#fresh.clear()
  }

  #add(queue: string, name: string): number {
    for (const [code, kind] of this.#fresh) if (kind.queue === queue && kind.name === name) return code
    const found = this.#db.sql('kind_code').get(queue, name) ?? this.#db.sql('add_kind').get(queue, name)
    const { code } = found as { code: number }
    this.#fresh.set(code, { queue, name })
    return code
  }

  #find(code: number): Kind {
    const kind = this.#db.sql('kind').get(code) as unknown as Kind
    this.#know(code, kind)
    return kind
  }

  #know(code: number, kind: Kind): void {
    this.#kinds.set(code, kind)
    const names = this.#codes.get(kind.queue) ?? new Map<string, number>()
    this.#codes.set(kind.queue, names.set(kind.name, code))
  }
}
