import { type Lack, lackOf } from '../model/lack.ts'
import type { TaskKind } from '../model/task.ts'
import type { Store } from '../ports/store.ts'
import type { EventHub } from './event-hub.ts'

/** Ready tasks that no registered worker can run, and what is missing. */
export interface UnknownKind extends TaskKind {
  readonly lack: Lack
}

/** The kinds of which tasks are ready and no registered worker can run them. Cheap, however many tasks there are. */
export async function unknownKinds(store: Pick<Store, 'readyKinds' | 'workers'>): Promise<readonly UnknownKind[]> {
  const kinds = await store.readyKinds()
  if (kinds.length === 0) return []
  const workers = await store.workers()
  return kinds.flatMap((kind) => {
    const lack = lackOf(kind, workers)
    return lack === undefined ? [] : [{ ...kind, lack }]
  })
}

/** Tells of tasks that no registered worker can run: once when that begins, and once when it is over. */
export class UnknownTasks {
  readonly #store: Store
  readonly #hub: EventHub
  readonly #told = new Map<string, TaskKind>()

  constructor({ store, hub }: { readonly store: Store; readonly hub: EventHub }) {
    this.#store = store
    this.#hub = hub
  }

  /** Looks once. True while there are some. */
  async look(): Promise<boolean> {
    const found = new Map((await unknownKinds(this.#store)).map((kind) => [keyOf(kind), kind]))
    for (const [key, kind] of this.#told) {
      if (found.has(key)) continue
      this.#told.delete(key)
      this.#hub.emit('task:known', kind)
    }
    for (const [key, kind] of found) {
      if (this.#told.has(key)) continue
      const { queue, name, version } = kind
      this.#told.set(key, { queue, name, version })
      this.#hub.emit('task:unknown', kind)
    }
    return found.size > 0
  }
}

function keyOf({ queue, name, version }: TaskKind): string {
  return `${queue} ${name} ${version}`
}
