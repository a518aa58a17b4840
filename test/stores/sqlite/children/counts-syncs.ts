/**
 * `node counts-syncs.ts <file> <log>`, with the fault injector loaded: says how often the log of the database was synced
 * by an add for the process, by an add for a power cut, by an outcome, and by the close of a store that is not the last.
 */
import { statSync } from 'node:fs'
import { createIds, systemChance as chance, systemClock as clock } from '../../../../src/ports/system.ts'
import { newTask, registration, succeed } from '../../../../src/stores/conformance/fixtures.ts'
import { SqliteStore } from '../../../../src/stores/sqlite/sqlite-store.ts'

const [file = '', log = ''] = process.argv.slice(2)
const ids = createIds(clock)
const counts: number[] = []
let seen = 0

/** Notes how many syncs there were since the last note. */
function note(): void {
  const all = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  counts.push(all - seen)
  seen = all
}

const [store, other] = [1, 2].map(() => new SqliteStore(file, { clock, chance, sync: 'inline' })) as [
  SqliteStore,
  SqliteStore,
]
await store.open()
await other.open()
const worker = await store.register(registration())
const nothing = { worker, outcomes: [], progress: [], claim: undefined, durability: undefined }
note()
counts.length = 0
for (const durability of ['process', 'power'] as const) {
  const task = newTask({ id: ids.task(), addedAt: 0, durability, claimFor: worker })
  await store.write({ ...nothing, adds: [task], durability }, 0)
  note()
  if (durability === 'process') continue
  await store.write({ ...nothing, adds: [], outcomes: [succeed({ id: task.id, claims: 1 })] }, 0)
}
note()
await store.close()
note()
await other.close()
process.send?.(counts)
