import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemChance as chance, systemClock as clock } from '../../src/ports/system.ts'
import { storeConformance } from '../../src/stores/conformance/index.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

for (const sync of ['inline', 'async'] as const) {
  storeConformance(`an SQLite file, synced ${sync}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'afterword-conformance-'))
    return {
      store: () => new SqliteStore(join(folder, 'tasks.db'), { clock, chance, sync }),
      remove: () => rmSync(folder, { recursive: true }),
    }
  })
}
