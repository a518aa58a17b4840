/** `node claimer.ts <file>`: claims and finishes tasks, a few at a time, until there is none, and says which it had. */
import { systemChance as chance, systemClock as clock } from '../../../../src/ports/system.ts'
import type { Claim } from '../../../../src/stores/conformance/fixtures.ts'
import { registration, succeed } from '../../../../src/stores/conformance/fixtures.ts'
import { ask } from '../../../../src/stores/conformance/world.ts'
import { SqliteStore } from '../../../../src/stores/sqlite/sqlite-store.ts'

const store = new SqliteStore(process.argv[2], { clock, chance, sync: 'async' })
await store.open()
const worker = await store.register(registration())
const had: string[] = []
let held: readonly Claim[] = []
do {
  const base = { worker, adds: [], progress: [], durability: undefined }
  const outcomes = held.map((claim) => succeed(claim))
  const { claimed } = await store.write({ ...base, outcomes, claim: ask({ room: 5 }) }, 0)
  held = claimed?.tasks ?? []
  had.push(...held.map((claim) => claim.id))
} while (held.length > 0)
await store.close()
process.send?.(had, () => process.disconnect())
