/**
 * NestJS: a sign-up whose two tasks run after the answer. Decorators have to be compiled:
 *
 *     npx tsc --project examples/nestjs && node examples/nestjs/dist/main.js
 *     curl -H 'content-type: application/json' -d '{"email":"ada@example.com"}' http://127.0.0.1:3000/signup
 *
 * End it with Ctrl-C. Kill it instead, at any time, and the next start runs what was left.
 */
import 'reflect-metadata'
import { Body, Controller, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type BackgroundTasks, createBackground, defineTask } from 'afterword'
import { AfterwordModule, Tasks } from 'afterword/nestjs'

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

const background = createBackground({ store: 'sqlite:./data/nestjs.db', tasks: [sendWelcome, addToNewsletter] })

@Controller()
class SignupController {
  @Post('signup')
  signup(@Body() { email }: { email: string }, @Tasks() tasks: BackgroundTasks): { email: string; taskId: string } {
    const { id } = tasks.add(sendWelcome, { email })
    tasks.add(addToNewsletter, { email })
    console.log('both tasks are added, now the answer')
    return { email, taskId: id }
  }
}

@Module({ imports: [AfterwordModule.forRoot({ background })], controllers: [SignupController] })
// oxlint-disable-next-line typescript/no-extraneous-class -- A module is a class, also when it has nothing to do.
class AppModule {}

background.on('stopped', ({ handedBack }) => console.log(`stopped, ${handedBack.length} tasks handed back`))

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })
app.enableShutdownHooks()
const port = Number(process.env['PORT'] ?? 3000)
await app.listen(port, '127.0.0.1')
console.log(`listening on http://127.0.0.1:${port}`)

// Prints:
//   listening on http://127.0.0.1:3000
//   both tasks are added, now the answer
//   attempt 1: a welcome mail for ada@example.com
//   the newsletter has a new reader: ada@example.com
//   stopped, 0 tasks handed back
