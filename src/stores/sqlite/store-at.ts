import type { Store } from '../../ports/store.ts'
import { systemChance, systemClock } from '../../ports/system.ts'
import { SqliteStore } from './sqlite-store.ts'

/** Opens a file that this process has open already, for another of its threads. See `StoreModule`. */
export function storeAt(data: unknown): Store {
  const { file } = data as { file: string }
  return new SqliteStore(file, { clock: systemClock, chance: systemChance, sync: 'inline' })
}
