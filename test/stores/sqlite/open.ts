import type { TestContext } from 'node:test'
import type { NewTask } from '../../../src/model/task.ts'
import type { Store, WriteBatch, Written } from '../../../src/ports/store.ts'
import { createIds, systemChance, systemClock } from '../../../src/ports/system.ts'
import { newTask, registration } from '../../../src/stores/conformance/fixtures.ts'
import { SqliteStore, type SqliteStoreParts } from '../../../src/stores/sqlite/sqlite-store.ts'
import { later } from '../../support/bench.ts'

/** A store on that file that is closed after the test; it is not open yet. */
export function storeOn(t: TestContext, file: string | undefined, parts: Partial<SqliteStoreParts> = {}): SqliteStore {
  const store = new SqliteStore(file, { clock: systemClock, chance: systemChance, sync: 'inline', ...parts })
  later(t).defer(() => store.close())
  return store
}

/** The same, open. */
export async function openStoreOn(
  t: TestContext,
  file: string | undefined,
  parts: Partial<SqliteStoreParts> = {},
): Promise<SqliteStore> {
  const store = storeOn(t, file, parts)
  await store.open()
  return store
}

const ids = createIds(systemClock)

/** A task on its way into the store, with what is given. */
export function task(fields: Partial<NewTask> = {}): NewTask {
  return newTask({ id: ids.task(), addedAt: 0, ...fields })
}

/** One write of a store; what is not given is empty. Not awaited until it is durable. */
export function write(store: Store, batch: Partial<WriteBatch>): Promise<Written> {
  const nothing = { worker: undefined, adds: [], outcomes: [], progress: [], durability: undefined, claim: undefined }
  return store.write({ ...nothing, ...batch }, 0)
}

/** Adds tasks that survive a power cut. */
export async function add(store: Store, ...adds: readonly NewTask[]): Promise<void> {
  const { durable } = await write(store, { adds, durability: 'power' })
  await durable
}

/** A registered worker that knows tasks of the name `work`. */
export function register(store: Store, name = 'worker'): Promise<number> {
  return store.register(registration({ name }))
}
