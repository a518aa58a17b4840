/**
 * Database effects exactly once. The session of an attempt is one transaction with the end of the attempt: what it wrote, that it
 * has succeeded, and the task that it added are committed together, or nothing of it is there.
 */
import { mkdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { createBackground, defineTask } from 'afterword'
import { nodeSqliteSession } from 'afterword/sessions/node-sqlite'

mkdirSync('./data', { recursive: true })
const file = './data/ledger.db'
const database = new DatabaseSync(file)
database.exec(`
  CREATE TABLE account (name TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0));
  INSERT INTO account VALUES ('ann', 10000), ('ben', 0);
  CREATE TABLE receipt (text TEXT NOT NULL);
`)
const sessions = { db: nodeSqliteSession(database) }

const transfer = defineTask({
  name: 'transfer',
  sessions,
  retry: { base: '10ms' },
  async run({ from, to, cents }: { from: string; to: string; cents: number }, context) {
    const db = await context.session.db
    const change = db.prepare('UPDATE account SET cents = cents + ? WHERE name = ?')
    change.run(-cents, from)
    if (context.attempt === 1) throw new Error('half of it is done')
    change.run(cents, to)
    context.add(writeReceipt, `${cents / 100} from ${from} to ${to}`)
  },
})

const writeReceipt = defineTask({
  name: 'write-receipt',
  sessions,
  async run(text: string, context) {
    const db = await context.session.db
    db.prepare('INSERT INTO receipt VALUES (?)').run(text)
  },
})

await using background = createBackground({ store: `sqlite:${file}`, tasks: [transfer, writeReceipt] })
const settled = Promise.withResolvers<void>()
background.on('attempt:end', ({ attempt, state }) => {
  console.log(`${attempt.name}, attempt ${attempt.attempt}: ${state}`)
  if (attempt.name === 'write-receipt') settled.resolve()
})

await background.add(transfer, { from: 'ann', to: 'ben', cents: 2_500 })
await settled.promise
for (const { name, cents } of database.prepare('SELECT name, cents FROM account').all()) console.log(name, cents)
console.log(database.prepare('SELECT text FROM receipt').all().length, 'receipt')

// Each attempt that fails is a line in the log, too: on stderr, unless createBackground is given a logger.
// Prints:
//   transfer, attempt 1: scheduled
//   transfer, attempt 2: succeeded
//   write-receipt, attempt 1: succeeded
//   ann 7500
//   ben 2500
//   1 receipt
