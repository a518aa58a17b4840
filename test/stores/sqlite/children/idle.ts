/** `node idle.ts <file> <mode>`: opens a store, works with it, and leaves it open. Nothing of it may keep the process alive. */
import { createIds, systemChance as chance, systemClock as clock } from '../../../../src/ports/system.ts'
import { newTask, registration } from '../../../../src/stores/conformance/fixtures.ts'
import { ask } from '../../../../src/stores/conformance/world.ts'
import { SqliteStore } from '../../../../src/stores/sqlite/sqlite-store.ts'
import type { SyncMode } from '../../../../src/stores/sqlite/wal-sync.ts'

const [file = '', sync = ''] = process.argv.slice(2)
const store = new SqliteStore(file, { clock, chance, sync: sync as SyncMode })
await store.open()
const worker = await store.register(registration())
const add = newTask({ id: createIds(clock).task(), addedAt: 0, durability: 'power' })
const base = { worker, outcomes: [], progress: [], claim: ask() }
const { durable, claimed } = await store.write({ ...base, adds: [add], durability: 'power' }, 0)
await durable
process.send?.(claimed?.tasks.length ?? 0)
process.disconnect()
