/**
 * A database session of a request: one transaction, committed when the answer is below 400, rolled back when it is not. Whoever
 * uses it later (a task, a timer, a stream) gets an error that names the session, the request, themselves and the line.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { createBackground, defineTask, isAfterwordError } from 'afterword'
import { nodeTasks } from 'afterword/node'
import { nodeSqliteSession } from 'afterword/sessions/node-sqlite'

const database = new DatabaseSync(':memory:')
database.exec('CREATE TABLE account (email TEXT PRIMARY KEY)')

// What goes wrong elsewhere without a word: a task that reaches for the session of its request.
let leaked: DatabaseSync | undefined
const sendWelcome = defineTask({
  name: 'send-welcome',
  retry: { attempts: 1 },
  run: (email: string) => void leaked?.prepare('SELECT * FROM account WHERE email = ?').get(email),
})

await using background = createBackground({
  store: 'memory:',
  tasks: [sendWelcome],
  sessions: { db: nodeSqliteSession(database) },
})

const server = createServer(
  nodeTasks(background, async (req, res, tasks) => {
    const email = new URL(req.url ?? '', 'http://localhost').searchParams.get('email')
    // The cast goes when the compiler was told of the sessions once for all: `Register` in docs/sessions.md.
    const db = (await tasks.session['db']) as DatabaseSync
    leaked ??= db
    try {
      db.prepare('INSERT INTO account VALUES (?)').run(email)
      tasks.add(sendWelcome, email ?? '')
      if (email === 'eve@example.com') throw new Error('not Eve')
      res.writeHead(201).end()
    } catch (error) {
      res.writeHead(409).end((error as Error).message)
    }
  }),
).listen(0, '127.0.0.1')
await once(server, 'listening')

const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/signup`
const refused = new Promise<unknown>((resolve) => background.on('attempt:failed', ({ thrown }) => resolve(thrown)))
for (const name of ['ada', 'eve', 'ada']) {
  const { status } = await fetch(`${url}?email=${name}@example.com`)
  console.log(`${name}: ${status}`)
}
const accounts = database.prepare('SELECT email FROM account').all()
console.log(`committed: ${accounts.map(({ email }) => String(email)).join(', ')}`)

const error = await refused
if (isAfterwordError(error, 'SESSION_ENDED')) {
  const { session, owner, used, how, by } = error.details
  console.log(`"${session}" of ${owner}: ${used} after it was ${how}, by ${by}`)
}
server.close()

// Prints:
//   ada: 201
//   eve: 409
//   ada: 409
//   committed: ada@example.com
//   "db" of request GET /signup: .prepare after it was committed, by task "send-welcome"
