/**
 * `node file-size-limit.ts <file>`: writes to a database until the limit on file sizes that its parent has set is
 * reached, and prints how the error is classified, as JSON.
 */
import { DatabaseSync } from 'node:sqlite'
import { isFatal, sqliteResultCode, toStoreError } from '../../../src/stores/sqlite/sqlite-errors.ts'

// With a listener, the write past the limit fails; without one, the signal ends the process.
process.on('SIGXFSZ', () => {})

const file = process.argv[2] ?? ''
const db = new DatabaseSync(file)
db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x)')
try {
  for (let i = 0; i < 1_000; i++) db.exec('INSERT INTO t VALUES (randomblob(3000))')
} catch (error) {
  const { code, details } = toStoreError(error, file)
  const { reason } = details as { reason: string }
  process.stdout.write(JSON.stringify({ resultCode: sqliteResultCode(error), code, fatal: isFatal(error), reason }))
}
