/**
 * Hono: a sign-up whose two tasks run after the answer. Start it with `node examples/hono.ts`, then
 *
 *     curl -H 'content-type: application/json' -d '{"email":"ada@example.com"}' http://127.0.0.1:3000/signup
 *
 * and end it with Ctrl-C. Kill it instead, at any time, and the next start runs what was left.
 */
import { serve } from '@hono/node-server'
import { createBackground, defineTask } from 'afterword'
import { honoTasks, type TasksEnv } from 'afterword/hono'
import { Hono } from 'hono'

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

const background = createBackground({ store: 'sqlite:./data/hono.db', tasks: [sendWelcome, addToNewsletter] })
await background.start()

const app = new Hono<TasksEnv>()
app.use(honoTasks(background))

app.post('/signup', async (c) => {
  const { email } = await c.req.json<{ email: string }>()
  const { id } = c.var.tasks.add(sendWelcome, { email })
  c.var.tasks.add(addToNewsletter, { email })
  console.log('both tasks are added, now the answer')
  return c.json({ email, taskId: id }, 201)
})

const port = Number(process.env['PORT'] ?? 3000)
const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => {
  console.log(`listening on http://127.0.0.1:${port}`)
})

background.on('stopped', ({ handedBack }) => console.log(`stopped, ${handedBack.length} tasks handed back`))
background.handleSignals({ server })

// Prints:
//   listening on http://127.0.0.1:3000
//   both tasks are added, now the answer
//   attempt 1: a welcome mail for ada@example.com
//   the newsletter has a new reader: ada@example.com
//   stopped, 0 tasks handed back
