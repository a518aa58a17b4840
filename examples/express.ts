/**
 * Express: a sign-up whose two tasks run after the answer. Start it with `node examples/express.ts`, then
 *
 *     curl -H 'content-type: application/json' -d '{"email":"ada@example.com"}' http://127.0.0.1:3000/signup
 *
 * and end it with Ctrl-C. Kill it instead, at any time, and the next start runs what was left.
 */
import { createBackground, defineTask } from 'afterword'
import { expressTasks } from 'afterword/express'
import express from 'express'

const sendWelcome = defineTask({
  name: 'send-welcome',
  async run({ email }: { email: string }, context) {
    console.log(`attempt ${context.attempt}: a welcome mail for ${email}`)
  },
})

const addToNewsletter = defineTask({
  name: 'add-to-newsletter',
  async run({ email }: { email: string }) {
    console.log(`the newsletter has a new reader: ${email}`)
  },
})

const background = createBackground({ store: 'sqlite:./data/express.db', tasks: [sendWelcome, addToNewsletter] })
await background.start()

const app = express()
app.use(express.json(), expressTasks(background))

app.post('/signup', (req, res) => {
  const { email } = req.body as { email: string }
  const { id } = req.tasks.add(sendWelcome, { email })
  req.tasks.add(addToNewsletter, { email })
  console.log('both tasks are added, now the answer')
  res.status(201).json({ email, taskId: id })
})

const port = Number(process.env['PORT'] ?? 3000)
const server = app.listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`))

background.on('stopped', ({ handedBack }) => console.log(`stopped, ${handedBack.length} tasks handed back`))
background.handleSignals({ server })

// Prints:
//   listening on http://127.0.0.1:3000
//   both tasks are added, now the answer
//   attempt 1: a welcome mail for ada@example.com
//   the newsletter has a new reader: ada@example.com
//   stopped, 0 tasks handed back
