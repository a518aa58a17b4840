import {
  type AttemptEnd,
  type Background,
  type BackgroundOptions,
  createBackground,
  type Logger,
  type OpenSession,
  type SessionProvider,
  type TaskContext,
} from '../../index.ts'
import type { AnyTaskDefinition } from '../../model/definition.ts'
import type { World } from './world.ts'

/** What the session is called in the backgrounds of the suite. */
export const SESSION = 'db'

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** What a case changes in a session as the background sees it. */
export type Alter = (session: OpenSession) => Fields<OpenSession>

/** A real background over the sessions of a world, and what a case needs to know of it. */
export class Stage {
  readonly world: World
  readonly background: Background
  /** How attempts have ended so far. */
  readonly ends: AttemptEnd[] = []
  readonly #watch: Watch

  private constructor(world: World, options: BackgroundOptions, watch: Watch) {
    this.world = world
    this.#watch = watch
    this.background = createBackground({
      store: world.site.store ?? 'memory:',
      durability: 'process',
      logger: SILENT,
      retry: { attempts: 1 },
      ...options,
      sessions: { [SESSION]: watch.provider },
    })
    this.background.on('attempt:end', (end) => void this.ends.push(end))
  }

  /** Lets `body` have a background of its own, which is stopped after it. */
  static async use(
    world: World,
    options: BackgroundOptions & { readonly alter?: Alter },
    body: (stage: Stage) => Promise<void>,
  ): Promise<void> {
    const { alter, ...rest } = options
    const stage = new Stage(world, rest, watch(world.provider, alter))
    try {
      await body(stage)
    } finally {
      await stage.background.stop({ grace: 0 })
    }
  }

  /** How many sessions were opened, for whatever purpose. */
  get opened(): number {
    return this.#watch.opened
  }

  /** The session that was opened last. */
  get last(): OpenSession | undefined {
    return this.#watch.last
  }

  /** Runs one task without input to its end. */
  async run(definition: AnyTaskDefinition): Promise<Ended> {
    const { world, background } = this
    const task = await world.bounded('add()', background.add(definition))
    const result = background.result(task)
    const ended = result.then(
      (result): Ended => ({ result, error: undefined }),
      // As it was thrown: the one of the result is made of what was stored.
      (error: unknown): Ended => ({ result: undefined, error: this.ends.at(-1)?.thrown ?? error }),
    )
    return world.bounded('the end of the task', ended)
  }
}

/** What a task came to: its result, or the error of its last attempt. */
export interface Ended {
  readonly result: unknown
  readonly error: unknown
}

/** Asks for the session, as `await context.session.db` does in an application. */
export function sessionOf({ session }: TaskContext): Promise<unknown> {
  return (session as Readonly<Record<string, Promise<unknown>>>)[SESSION]!
}

/** Waits until the signal aborts, then throws its reason. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

/** Fields to put in the place of others; undefined takes one away. */
type Fields<T> = { readonly [Name in keyof T]?: T[Name] | undefined }

interface Watch {
  readonly provider: SessionProvider
  readonly opened: number
  readonly last: OpenSession | undefined
}

function watch(provider: SessionProvider, alter: Alter = () => ({})): Watch {
  const state = { opened: 0, last: undefined as OpenSession | undefined }
  const open = async (): Promise<OpenSession> => {
    state.opened++
    const session = await provider.open()
    state.last = overlaid(session, alter(session))
    return state.last
  }
  return Object.assign(state, { provider: overlaid(provider, { open }) })
}

/** The same object but for some fields. Its methods run on the object itself, which may be of any class. */
export function overlaid<T extends object>(target: T, fields: Fields<T>): T {
  return new Proxy(target, {
    get(_, key): unknown {
      const value: unknown = Reflect.get(Object.hasOwn(fields, key) ? fields : target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
