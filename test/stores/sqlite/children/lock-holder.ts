/** `node lock-holder.ts <file>`: takes the write lock of a database, says `held`, and lets go at the first message. */
import { DatabaseSync } from 'node:sqlite'

const db = new DatabaseSync(process.argv[2] ?? '', { timeout: 10_000 })
db.exec('BEGIN IMMEDIATE')
process.send?.('held')
process.once('message', () => {
  db.exec('COMMIT')
  db.close()
  process.send?.('released', () => process.disconnect())
})
