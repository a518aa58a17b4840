import type { KnownDefinition, TaskKind } from '../../model/task.ts'
import type { Database } from './database.ts'

/** What the number in a row stands for. */
export interface Kind extends TaskKind {
  /** What a worker has to know to run it; it stands in the column `kind.name`. */
  readonly label: string
}

/**
 * The name and the version in one text: the bare name is version 1, `name@2` the next. Names hold no `@`. So a worker that
 * knows no versions, of a release before them, takes what it can run and leaves the rest as a name that it does not know.
 */
export function labelOf(name: string, version: number): string {
  return version === 1 ? name : `${name}@${version}`
}

/** The labels of all tasks that a worker can run. */
export function labelsOf(definitions: readonly KnownDefinition[]): string[] {
  return definitions.flatMap(({ name, version }) => Array.from({ length: version }, (_, i) => labelOf(name, i + 1)))
}

/** The definitions again: of each name the newest version. */
export function definitionsOf(labels: readonly string[]): KnownDefinition[] {
  const newest = new Map<string, number>()
  for (const { name, version } of labels.map(readLabel)) newest.set(name, Math.max(version, newest.get(name) ?? 0))
  return Array.from(newest, ([name, version]) => ({ name, version }))
}

function readLabel(label: string): KnownDefinition {
  const [, name, version] = /^(.*)@(\d+)$/s.exec(label) ?? []
  return name === undefined ? { name: label, version: 1 } : { name, version: Number(version) }
}

/**
 * Rows hold the number of their kind instead of its texts: there are few kinds and many rows. Kinds
 * are only ever added, so what was read once stays true; one that was added in a transaction is known from its commit on.
 */
export class Kinds {
  readonly #db: Database
  readonly #kinds = new Map<number, Kind>()
  /** Queue, then label. */
  readonly #codes = new Map<string, Map<string, number>>()
  /** Added by the transaction under way. */
  readonly #fresh = new Map<number, Kind>()

  constructor(db: Database) {
    this.#db = db
  }

  /** The number of a kind, which is added when it is not there. To be called inside a transaction. */
  codeOf({ queue, name, version }: TaskKind): number {
    const label = labelOf(name, version)
    return this.#codes.get(queue)?.get(label) ?? this.#add(queue, label)
  }

  /** The kind of a number that stands in a row. */
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

  #add(queue: string, label: string): number {
    for (const [code, kind] of this.#fresh) if (kind.queue === queue && kind.label === label) return code
    const found = this.#db.sql('kind_code').get(queue, label) ?? this.#db.sql('add_kind').get(queue, label)
    const { code } = found as { code: number }
    this.#fresh.set(code, kindOf(queue, label))
    return code
  }

  #find(code: number): Kind {
    const { queue, name: label } = this.#db.sql('kind').get(code) as unknown as { queue: string; name: string }
    const kind = kindOf(queue, label)
    this.#know(code, kind)
    return kind
  }

  #know(code: number, kind: Kind): void {
    this.#kinds.set(code, kind)
    const labels = this.#codes.get(kind.queue) ?? new Map<string, number>()
    this.#codes.set(kind.queue, labels.set(kind.label, code))
  }
}

function kindOf(queue: string, label: string): Kind {
  return { queue, ...readLabel(label), label }
}
