import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import type { AddOptions } from '../../src/model/add-options.ts'
import type { BackgroundEvents, EventName } from '../../src/model/events.ts'
import { later } from './bench.ts'
import { EventLog, type Heard } from './event-log.ts'
import { startProgram } from './start-program.ts'

/** What a process of ours can be told. */
export type Order =
  | { readonly do: 'add'; readonly name: string; readonly input?: unknown; readonly options?: AddOptions }
  /** Adds all of them to one response, and sends its answer. */
  | { readonly do: 'respond'; readonly tasks: readonly { readonly name: string; readonly input?: unknown }[] }
  | { readonly do: 'handleSignals' }
  /** Lets its clock say that so much time has passed, in which nothing happened. */
  | { readonly do: 'skip'; readonly ms: number }
  /** Makes every sync of its disk fail, which its store learns with an add: it has failed for good when this is answered. */
  | { readonly do: 'failStore' }
  | { readonly do: 'stop' }
  /** Lets the task `waits` go on. */
  | { readonly do: 'release' }
  /** Answers when its shutdown has begun: a signal may come later than a message that was sent after it. */
  | { readonly do: 'drain' }

/** What it answers, besides its events. */
export type Answer = { readonly ids: readonly string[] }

type Options = Pick<
  BackgroundOptions,
  'works' | 'concurrency' | 'poll' | 'beat' | 'lease' | 'grace' | 'abandonAfter' | 'stuckAfter'
>

/** A real process with a background on a file, killed after the test at the latest. */
export class TaskProcess {
  readonly child: ChildProcess
  readonly events = new EventLog()
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly #answers: ((answer: Answer) => void)[] = []

  constructor(t: TestContext, file: string, options: Options) {
    const script = join(import.meta.dirname, 'children', 'task-worker.ts')
    this.child = startProgram(script, [JSON.stringify({ store: `sqlite:${file}`, ...options })], {
      serialization: 'advanced',
    })
    this.exited = once(this.child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }))
    this.child.on('message', (message: Heard | Answer) => {
      if ('name' in message) this.events.add(message)
      else this.#answers.shift()?.(message)
    })
    later(t).defer(() => this.kill())
  }

  /** Starts a process and waits until it is registered. */
  static async started(t: TestContext, file: string, options: Options = {}): Promise<TaskProcess> {
    const started = new TaskProcess(t, file, options)
    await started.until('worker:registered')
    return started
  }

  until<N extends EventName>(name: N, id?: string): Promise<BackgroundEvents[N]> {
    return this.events.until(name, id)
  }

  /** Gives an order and waits until it has been carried out. */
  async tell(order: Order): Promise<readonly string[]> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.#answers.push(resolve)
    this.child.send(order)
    return (await promise).ids
  }

  /** Adds a task there; gives its id. */
  async add(name: string, input?: unknown, options?: AddOptions): Promise<string> {
    const [id] = await this.tell({ do: 'add', name, input, ...(options === undefined ? {} : { options }) })
    return id!
  }

  /** Ends it without a word, also when it is stopped. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }
}
