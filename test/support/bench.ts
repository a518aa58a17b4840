import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { BackgroundOptions } from '../../src/background-options.ts'
import { type Ports, systemPorts } from '../../src/background-ports.ts'
import { Background } from '../../src/background.ts'
import type { BackgroundEvents, EventName } from '../../src/model/events.ts'
import type { Logger } from '../../src/model/logger.ts'
import type { Chance } from '../../src/ports/chance.ts'
import { createIds } from '../../src/ports/system.ts'
import type { TaskView } from '../../src/task-view.ts'
import { EventLog } from './event-log.ts'
import { FakeClock } from './fake-clock.ts'

/** A logger that keeps nothing: what a test wants to know it hears as an event. */
export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** One background with what a test needs of it. */
export interface Bench {
  readonly background: Background
  readonly events: EventLog
  /** See `EventLog.until`. */
  readonly until: <N extends EventName>(name: N, id?: string) => Promise<BackgroundEvents[N]>
  /** The task as stored, which has to be there. */
  readonly row: (id: string) => Promise<TaskView>
}

/** A background in memory, or where `store` says, that is stopped after the test. Nothing is opened before it is used. */
export function bench(t: TestContext, options: BackgroundOptions = {}, ports: Partial<Ports> = {}): Bench {
  const clock = ports.clock
  const background = new Background(
    { store: 'memory:', logger: SILENT, ...options },
    { ...systemPorts(), ...(clock === undefined ? {} : { ids: createIds(clock) }), ...ports },
  )
  const events = EventLog.of(background)
  later(t).defer(async () => {
    const stopping = background.stop({ grace: 0 })
    if (clock instanceof FakeClock) await clock.run(stopping)
    else {
      await background.stop({ grace: 0 })
      await stopping
    }
  })
  return {
    background,
    events,
    until: (name, id) => events.until(name, id),
    row: async (id) => {
      const view = await background.get(id)
      if (view === undefined) throw new Error(`no task ${id}`)
      return view
    },
  }
}

/** The same with a clock that stands still. */
export function timedBench(
  t: TestContext,
  options: BackgroundOptions = {},
  ports: Partial<Ports> = {},
): Bench & { readonly clock: FakeClock } {
  const clock = new FakeClock()
  return { ...bench(t, options, { clock, ...ports }), clock }
}

/** Where a test's database lies, in a folder of its own that goes after all that uses it. */
export function databaseFile(t: TestContext): string {
  return join(folder(t), 'tasks.db')
}

/** An empty folder, removed after the test. */
export function folder(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'afterword-')))
  later(t).defer(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const stacks = new WeakMap<TestContext, AsyncDisposableStack>()

/** What is to be done after the test, the last first: a background stops before its folder goes. */
export function later(t: TestContext): AsyncDisposableStack {
  const known = stacks.get(t)
  if (known !== undefined) return known
  const stack = new AsyncDisposableStack()
  stacks.set(t, stack)
  t.after(() => stack.disposeAsync())
  return stack
}

/** Chance that says what it is told, one after another, the last for ever. */
export function fixedChance(...fractions: readonly number[]): Chance {
  const left = [...fractions]
  return { fraction: () => (left.length > 1 ? left.shift()! : (left[0] ?? 0)) }
}

/** Something a task waits for until the test opens it. */
export function gate<T = void>(): { readonly opened: Promise<T>; readonly open: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>()
  return { opened: promise, open: resolve }
}

/** Waits until the signal aborts, then throws its reason: what a well-behaved endless task does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
