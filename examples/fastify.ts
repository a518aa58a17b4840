/**
 * Fastify: a sign-up whose two tasks run after the answer. Start it with `node examples/fastify.ts`, then
 *
 *     curl -H 'content-type: application/json' -d '{"email":"ada@example.com"}' http://127.0.0.1:3000/signup
 *
 * and end it with Ctrl-C. Kill it instead, at any time, and the next start runs what was left.
 */
import { createBackground, defineTask } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import fastify from 'fastify'
import { z } from 'zod'

const sendWelcome = defineTask({
  name: 'send-welcome',
  input: z.object({ email: z.email() }),
  retry: { attempts: 5 },
  async run({ email }, context) {
    console.log(`attempt ${context.attempt}: a welcome mail for ${email}`)
  },
})

const addToNewsletter = defineTask({
  name: 'add-to-newsletter',
  async run(email: string) {
    console.log(`the newsletter has a new reader: ${email}`)
  },
})

const background = createBackground({ store: 'sqlite:./data/tasks.db', tasks: [sendWelcome, addToNewsletter] })
const app = fastify()
await app.register(fastifyTasks, { background })

app.post<{ Body: { email: string } }>('/signup', async (request, reply) => {
  const { email } = request.body
  const { id } = request.tasks.add(sendWelcome, { email })
  request.tasks.add(addToNewsletter, email)
  console.log('both tasks are added, now the answer')
  return reply.code(201).send({ email, taskId: id })
})

background.on('stopped', ({ handedBack }) => console.log(`stopped, ${handedBack.length} tasks handed back`))
background.handleSignals({ close: () => app.close() })
const url = await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) })
console.log(`listening on ${url}`)

// Prints:
//   listening on http://127.0.0.1:3000
//   both tasks are added, now the answer
//   attempt 1: a welcome mail for ada@example.com
//   the newsletter has a new reader: ada@example.com
//   stopped, 0 tasks handed back
