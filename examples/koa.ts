/**
 * Koa: a sign-up whose two tasks run after the answer. Start it with `node examples/koa.ts`, then
 *
 *     curl -H 'content-type: application/json' -d '{"email":"ada@example.com"}' http://127.0.0.1:3000/signup
 *
 * and end it with Ctrl-C. Kill it instead, at any time, and the next start runs what was left.
 */
import { json } from 'node:stream/consumers'
import { createBackground, defineTask } from 'afterword'
import { koaTasks } from 'afterword/koa'
import Koa from 'koa'

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

const background = createBackground({ store: 'sqlite:./data/koa.db', tasks: [sendWelcome, addToNewsletter] })
await background.start()

const app = new Koa()
app.use(koaTasks(background))

app.use(async (ctx) => {
  if (`${ctx.method} ${ctx.path}` !== 'POST /signup') return
  const { email } = (await json(ctx.req)) as { email: string }
  const { id } = ctx.tasks.add(sendWelcome, { email })
  ctx.tasks.add(addToNewsletter, { email })
  console.log('both tasks are added, now the answer')
  ctx.status = 201
  ctx.body = { email, taskId: id }
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
