import { systemChance, systemClock } from '../../src/ports/system.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

/** Makes the database with sound sources: a plant is to show under load, not to keep servers from starting. */
export async function makeDatabase(file: string): Promise<void> {
  const store = new SqliteStore(file, { clock: systemClock, chance: systemChance })
  await store.open()
  await store.close()
}
