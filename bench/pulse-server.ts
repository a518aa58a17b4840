/** Two small Fastify applications in one process, each with a background of its own: one with a pulse thread, one without. */
import { type Background, type BackgroundOptions, createBackground, defineTask } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import Fastify from 'fastify'
import { tasksFile } from './afterword.ts'
import { answer } from './child.ts'
import { type Place, type TaskInput, taskInput } from './peer.ts'
import { Tally } from './tally.ts'

/** How it is started: where each of the two has its store. */
export interface PulseSettings {
  readonly watched: Place
  readonly unwatched: Place
}

/** Where the two listen. */
export interface PulsePorts {
  readonly watched: number
  readonly unwatched: number
}

/** What it says when nothing is under way any more. */
export interface PulseAccount {
  /** CPU time of the process since it started, in microseconds, its threads included. */
  readonly cpuMicros: number
}

/** What makes a background of ports: no user has it, so that it lies outside of the front door. */
interface Inside {
  readonly systemPorts: () => { readonly clock: object }
}

const settings = JSON.parse(process.argv[2]!) as PulseSettings
const tally = new Tally()
const sendWelcome = defineTask({ name: 'send-welcome', run: (input: TaskInput) => tally.run(input) })
const optionsAt = (place: Place): BackgroundOptions => ({ store: `sqlite:${tasksFile(place)}`, tasks: [sendWelcome] })

/** One with a clock of its own has no pulse: nobody beside the loop would know that clock. */
async function withoutPulse(options: BackgroundOptions): Promise<Background> {
  const { systemPorts } = (await import(new URL('../dist/background-ports.js', import.meta.url).href)) as Inside
  const ports = systemPorts()
  const Made = watched.constructor as new (options: BackgroundOptions, ports: object) => Background
  return new Made(options, { ...ports, clock: { ...ports.clock } })
}

async function serve(background: Background): Promise<{ readonly port: number; close(): Promise<void> }> {
  const app = Fastify()
  await app.register(fastifyTasks, { background })
  app.get('/', (request) => {
    request.tasks.add(sendWelcome, taskInput(tally.next()))
    return Promise.resolve({ ok: true })
  })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: Number(new URL(address).port), close: () => app.close() }
}

const watched = createBackground(optionsAt(settings.watched))
const pulse = new Promise((resolve) => watched.on('pulse:started', resolve))
const servers = [await serve(watched), await serve(await withoutPulse(optionsAt(settings.unwatched)))] as const
await pulse

async function settle(): Promise<PulseAccount> {
  for (let looks = 0; looks < 4000 && tally.ran < tally.added; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const { user, system } = process.cpuUsage()
  return { cpuMicros: user + system }
}

answer({ watched: servers[0].port, unwatched: servers[1].port } satisfies PulsePorts, settle, () =>
  Promise.all(servers.map((server) => server.close())),
)
