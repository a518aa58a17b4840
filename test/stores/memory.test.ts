import { systemChance as chance, systemClock as clock } from '../../src/ports/system.ts'
import { storeConformance } from '../../src/stores/conformance/index.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

storeConformance('memory', () => ({ store: () => new SqliteStore(undefined, { clock, chance }), remove() {} }), {
  can: { shared: false, persistent: false },
})
