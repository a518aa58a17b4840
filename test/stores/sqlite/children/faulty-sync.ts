/**
 * `node faulty-sync.ts <file> <mode>`, with the fault injector loaded: writes a first task, lets the next sync of the log
 * fail once, and then writes two groups at once and a third one. Says what came of each, and what the store says of itself.
 */
import { writeFileSync } from 'node:fs'
import type { AfterwordError } from '../../../../src/model/errors.ts'
import { createIds, systemChance as chance, systemClock as clock } from '../../../../src/ports/system.ts'
import { newTask } from '../../../../src/stores/conformance/fixtures.ts'
import { SqliteStore } from '../../../../src/stores/sqlite/sqlite-store.ts'
import type { SyncMode } from '../../../../src/stores/sqlite/wal-sync.ts'

const [file = '', mode = ''] = process.argv.slice(2)
const ids = createIds(clock)
const failures: string[] = []
const store = new SqliteStore(file, {
  clock,
  chance,
  sync: mode as SyncMode,
  onFailure: (error) => failures.push(error.code),
})

const codeOf = (error: unknown): string => (error as AfterwordError).code ?? String(error)

/** Adds a task of that durability and says what its caller is told. */
async function add(durability: 'power' | 'process'): Promise<string> {
  const task = newTask({ id: ids.task(), addedAt: 0, durability })
  const nothing = { worker: undefined, outcomes: [], progress: [], claim: undefined }
  try {
    const { durable } = await store.write({ ...nothing, adds: [task], durability }, 0)
    await durable
    return 'durable'
  } catch (error) {
    return codeOf(error)
  }
}

await store.open()
const before = await add('power')
writeFileSync(process.env['FAULT_SYNC'] ?? '', '')
const together = await Promise.all([add('power'), add('power')])
const after = [await add('power'), await add('process')]
const question = await store.find('a').catch(codeOf)
await store.close()
process.send?.({ before, together, after, question, failures })
