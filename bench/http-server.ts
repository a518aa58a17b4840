/** One variant of the same small Fastify application; `http.ts` starts one process for each. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Background, createBackground, defineTask } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import Fastify, { type FastifyRequest } from 'fastify'
import { answer } from './child.ts'

/** What the endpoint does beside its answer. */
export type Variant = 'bare' | 'volatile' | 'attached' | 'power' | 'process'

const variant = process.argv[2] as Variant
const folder = mkdtempSync(join(tmpdir(), 'afterword-bench-'))
const app = Fastify()
let added = 0
let ran = 0

const sendWelcome = defineTask({
  name: 'send-welcome',
  run: async (_: { to: string; template: string; userId: number }) => {
    ran++
  },
})

const input = (): { to: string; template: string; userId: number } => ({
  to: 'someone@example.org',
  template: 'welcome',
  userId: ++added,
})

let background: Background | undefined
if (variant !== 'bare' && variant !== 'volatile') {
  const durability = variant === 'process' ? 'process' : 'power'
  background = createBackground({ store: `sqlite:${join(folder, 'tasks.db')}`, tasks: [sendWelcome], durability })
  await app.register(fastifyTasks, { background })
}

const answerRoute = (request: FastifyRequest): Promise<{ ok: boolean }> => {
  if (variant === 'volatile') {
    const task = input()
    setImmediate(() => void Promise.resolve(task).then(() => ran++))
  } else if (variant === 'power' || variant === 'process') request.tasks.add(sendWelcome, input())
  return Promise.resolve({ ok: true })
}
app.get('/', answerRoute)

/** Resolves when every added task has run. */
async function drained(): Promise<{ added: number; ran: number }> {
  for (let looks = 0; looks < 1000; looks++) {
    if (ran >= added) break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { added, ran }
}

const address = await app.listen({ port: 0, host: '127.0.0.1' })
process.once('SIGTERM', () => {
  void app.close().then(() => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(0)
  })
})
answer({ port: Number(new URL(address).port) }, drained)
