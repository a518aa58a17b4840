/**
 * `node writer.ts <file> <name>`: says `ready`, and from `go` to `stop` adds one task after another, as fast as the others
 * on the same file let it. It says `written` after each that is durable, or, as one of several, how many there were.
 */
import { createIds, systemChance as chance, systemClock as clock } from '../../../../src/ports/system.ts'
import { newTask, registration } from '../../../../src/stores/conformance/fixtures.ts'
import { SqliteStore } from '../../../../src/stores/sqlite/sqlite-store.ts'

const [file = '', name = ''] = process.argv.slice(2)
const ids = createIds(clock)
const store = new SqliteStore(file, { clock, chance, sync: 'async' })
await store.open()
await store.register(registration({ name }))
const told = { stop: false }

async function work(): Promise<void> {
  const nothing = { worker: undefined, outcomes: [], progress: [], claim: undefined }
  let written = 0
  while (!told.stop) {
    const task = newTask({ id: ids.task(), addedAt: 0, queue: name, durability: 'power' })
    const { durable } = await store.write({ ...nothing, adds: [task], durability: 'power' }, 0)
    await durable
    written++
    if (name === 'solo' || written % 100 === 0) process.send?.('written')
  }
  await store.close()
  process.send?.(written, () => process.disconnect())
}

process.on('message', (order) => {
  if (order === 'go') void work()
  else told.stop = true
})
process.send?.('ready')
