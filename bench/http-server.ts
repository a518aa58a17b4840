/* oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers. */
/**
 * One variant of the same small Fastify application, in a process of its own. `/` does what the variant stands for, `/plain`
 * only answers; `/numbered` and `/timed` are `/` for the parts of the benchmarks that ask which tasks were acknowledged, and
 * when they started. What the variants do beside their answer differs, and nothing else.
 */
import { openSync, writeSync } from 'node:fs'
import { type Background, createBackground, defineTask } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { tasksFile } from './afterword.ts'
import { answer } from './child.ts'
import { driverOf } from './contenders.ts'
import { type OpenDriver, type Place, type TaskInput, taskInput, wait } from './peer.ts'
import { Tally } from './tally.ts'
import type { ServerKind } from './variants.ts'

/** How a server is started. */
export interface ServerSettings {
  readonly kind: ServerKind
  /** With `peer`: the name of its driver. */
  readonly driver?: string
  readonly place: Place
  /** A file that every task writes its number to as it ends, and how long each task takes: for servers that are killed. */
  readonly log?: string
  readonly taskMs?: number
}

/** What a server knows after a slice. */
export interface ServerAccount {
  readonly added: number
  readonly ran: number
  readonly doubled: number
  /** Tasks that had not run when the last answer was out. */
  readonly behind: number
  /** CPU time of the process since it started, in microseconds. */
  readonly cpuMicros: number
}

/** The times of one task, in milliseconds after its add. */
export interface TaskTimes {
  readonly sentMs: number
  readonly startedMs: number
}

const settings = JSON.parse(process.argv[2]!) as ServerSettings
const tally = new Tally()
const log = settings.log === undefined ? undefined : openSync(settings.log, 'a')
const times = new Map<number, { addedMs: number; sentMs?: number; startedMs?: number }>()

async function run(input: TaskInput): Promise<void> {
  const timed = times.get(input.n)
  if (timed !== undefined) timed.startedMs = performance.now()
  if (settings.taskMs !== undefined) await wait(settings.taskMs)
  tally.run(input)
  if (log !== undefined) writeSync(log, `${input.n}\n`)
}

const sendWelcome = defineTask({ name: 'send-welcome', run })
const app = Fastify()
let background: Background | undefined
let peer: OpenDriver | undefined

switch (settings.kind) {
  case 'attached':
  case 'power':
  case 'process':
    background = createBackground({
      store: `sqlite:${tasksFile(settings.place)}`,
      tasks: [sendWelcome],
      durability: settings.kind === 'process' ? 'process' : 'power',
    })
    await app.register(fastifyTasks, { background })
    break
  case 'peer':
    peer = await driverOf(settings.driver!).open(settings.place)
    await peer.work(run)
    break
  case 'bare':
  case 'volatile':
}

/** What the variant does beside its answer. Nothing is awaited where there is nothing to wait for. */
function add(request: FastifyRequest, n: number): Promise<unknown> | undefined {
  const input = taskInput(n)
  if (peer !== undefined) return peer.add(input)
  if (settings.kind === 'volatile') setImmediate(() => void run(input))
  else request.tasks.add(sendWelcome, input)
  return undefined
}

const adds = settings.kind !== 'bare' && settings.kind !== 'attached'
const OK = { ok: true }

async function plain(): Promise<object> {
  return OK
}

async function once(request: FastifyRequest): Promise<object> {
  if (!adds) return OK
  const added = add(request, tally.next())
  if (added !== undefined) await added
  return OK
}

async function numbered(request: FastifyRequest): Promise<object> {
  const n = tally.next()
  await add(request, n)
  return { n: String(n).padStart(8, '0') }
}

async function timed(request: FastifyRequest, reply: FastifyReply): Promise<object> {
  const n = tally.next()
  const taken: { addedMs: number; sentMs?: number } = { addedMs: performance.now() }
  times.set(n, taken)
  reply.raw.once('finish', () => (taken.sentMs = performance.now()))
  await add(request, n)
  return OK
}

app.get('/plain', plain)
app.get('/', once)
app.get('/numbered', numbered)
app.get('/timed', timed)

/** Resolves when every added task has run, or clearly none is going to. */
async function settle(): Promise<ServerAccount> {
  const behind = tally.added - tally.ran
  for (let looks = 0; looks < 4000 && adds && tally.ran < tally.added; looks++) await wait(5)
  const { user, system } = process.cpuUsage()
  const { added, ran, doubled } = tally
  return adds
    ? { added, ran, doubled, behind, cpuMicros: user + system }
    : { added: 0, ran: 0, doubled: 0, behind: 0, cpuMicros: user + system }
}

/** The times of all tasks since it was last asked. */
async function timesTaken(): Promise<TaskTimes[]> {
  await settle()
  const taken = [...times.values()].map(({ addedMs, sentMs = NaN, startedMs = NaN }) => ({
    sentMs: sentMs - addedMs,
    startedMs: startedMs - addedMs,
  }))
  times.clear()
  return taken
}

const address = await app.listen({ port: 0, host: '127.0.0.1' })
answer(
  { port: Number(new URL(address).port) },
  (message: { readonly ask: 'settle' | 'times' }) => (message.ask === 'settle' ? settle() : timesTaken()),
  async () => {
    await app.close()
    await peer?.close()
  },
)
