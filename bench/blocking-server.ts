/** A small Fastify application with Afterword, which answers `/plain`, and beside that computes as long as it is told to. */
import { createBackground } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import Fastify from 'fastify'
import { tasksFile } from './afterword.ts'
import { BURNS, QUEUE, type Runs } from './blocking-tasks.ts'
import { answer } from './child.ts'
import type { Place } from './peer.ts'

/** How the server is started. */
export interface BlockingSettings {
  readonly place: Place
  /** How long one task computes, in milliseconds. */
  readonly taskMs: number
}

/** What it is asked. */
export type BlockingAsk =
  /** Computes from here on, one task after the other. Answers when it does; on the loop, just before. */
  | { readonly ask: 'burn'; readonly runs: Runs }
  /** No more than what is under way. Answers when that has ended. */
  | { readonly ask: 'rest' }

/** What it says of its tasks since it was told to burn. */
export interface Burnt {
  readonly ended: number
  readonly failed: number
  /** The share of the time, from the first beginning to the question, in which a task was running: 0 to 1. */
  readonly busy: number
}

const { place, taskMs } = JSON.parse(process.argv[2]!) as BlockingSettings
const background = createBackground({
  store: `sqlite:${tasksFile(place)}`,
  tasks: Object.values(BURNS),
  queues: { [QUEUE]: 1 },
  // As many as idle beside each other: neither has to start for a slice.
  threads: 2,
})
const app = Fastify()
await app.register(fastifyTasks, { background })
app.get('/plain', async () => ({ ok: true }))
const address = await app.listen({ port: 0, host: '127.0.0.1' })

/** Tasks of one kind that run one after the other: the next is there before the one before it ends. */
class Burning {
  readonly #runs: Runs
  /** When each of those that have begun did, and how long it ran once it has ended. */
  readonly #spans = new Map<string, { readonly fromMs: number; ranMs: number | undefined }>()
  readonly #stopListening: readonly (() => void)[]
  #adding: Promise<string>
  #failed = 0
  #isOver = false
  #changed = Promise.withResolvers<void>()

  constructor(runs: Runs) {
    this.#runs = runs
    this.#stopListening = [
      background.on('attempt:start', ({ attempt }) => this.#started(attempt.id)),
      background.on('attempt:end', ({ attempt, state, ranMs }) => this.#ended(attempt.id, state, ranMs)),
    ]
    this.#adding = this.#add()
  }

  /** Resolves when the first of them runs. On the loop nobody would hear of that in time. */
  async begun(): Promise<void> {
    while (this.#runs !== 'loop' && this.#spans.size === 0) await this.#changed.promise
  }

  /** Lets the one that runs end, and begins no other. */
  async rest(): Promise<Burnt> {
    const [fromMs] = [...this.#spans.values()].map((span) => span.fromMs)
    const askedMs = performance.now()
    this.#isOver = true
    await background.cancel(await this.#adding)
    while ([...this.#spans.values()].some(({ ranMs }) => ranMs === undefined)) await this.#changed.promise
    for (const stop of this.#stopListening) stop()
    const spans = [...this.#spans.values()]
    const ran = spans.reduce((sum, span) => sum + Math.min(span.ranMs!, Math.max(0, askedMs - span.fromMs)), 0)
    return { ended: spans.length, failed: this.#failed, busy: fromMs === undefined ? 0 : ran / (askedMs - fromMs) }
  }

  async #add(): Promise<string> {
    return (await background.add(BURNS[this.#runs], taskMs)).id
  }

  #started(id: string): void {
    this.#spans.set(id, { fromMs: performance.now(), ranMs: undefined })
    if (!this.#isOver) this.#adding = this.#add()
    this.#tell()
  }

  #ended(id: string, state: string, ranMs: number): void {
    const span = this.#spans.get(id)
    // One that was cancelled before its turn had no beginning.
    if (span === undefined) return
    span.ranMs = ranMs
    if (state !== 'succeeded') this.#failed++
    this.#tell()
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

let burning: Burning | undefined

answer(
  { port: Number(new URL(address).port) },
  async (ask: BlockingAsk): Promise<object> => {
    if (ask.ask === 'rest') return burning!.rest()
    burning = new Burning(ask.runs)
    await burning.begun()
    return {}
  },
  () => app.close(),
)
