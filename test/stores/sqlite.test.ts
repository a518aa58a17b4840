import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemChance as chance, systemClock as clock } from '../../src/ports/system.ts'
import { storeConformance } from '../../src/stores/conformance/index.ts'
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

/** Some hundred databases are made here for what they answer, not for what a disk does to them: memory will do. */
const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

for (const sync of ['inline', 'async'] as const) {
  storeConformance(`an SQLite file, synced ${sync}`, () => {
    const folder = mkdtempSync(join(disk, 'afterword-conformance-'))
    return {
      store: () => new SqliteStore(join(folder, 'tasks.db'), { clock, chance, sync }),
      remove: () => rmSync(folder, { recursive: true }),
    }
  })
}
