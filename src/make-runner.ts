import type { ReadBackgroundOptions } from './background-options.ts'
import type { Ports } from './background-ports.ts'
import type { Desk } from './desk.ts'
import { rules } from './engine-settings.ts'
import type { EventHub } from './engine/event-hub.ts'
import type { Lane } from './engine/lane.ts'
import type { Registry } from './engine/registry.ts'
import type { ResultWaiters } from './engine/result-waiters.ts'
import { Runner } from './engine/runner.ts'
import type { Worker } from './engine/worker.ts'
import type { Logger } from './model/logger.ts'
import type { Executor } from './ports/executor.ts'
import type { Pulse } from './ports/pulse.ts'
import type { Store } from './ports/store.ts'
import { AttemptSessionMaker } from './session-maker.ts'
import type { SessionBook } from './sessions/session-book.ts'

/** What a runner is wired to; its worker and its desk are made after it. */
export interface RunnerSurroundings {
  readonly store: Store
  readonly hub: EventHub
  readonly logger: Logger
  readonly registry: Registry
  readonly lanes: ReadonlyMap<string, Lane>
  readonly executor: Executor | undefined
  readonly pulse: Pulse | undefined
  readonly book: SessionBook
  readonly waiters: ResultWaiters
  worker(): Worker
  desk(): Desk
}

/** Makes the runner of a background. */
export function makeRunner(settings: ReadBackgroundOptions, ports: Ports, around: RunnerSurroundings): Runner {
  const { store, book, waiters } = around
  return new Runner({
    ...around,
    rules: rules(settings, ports),
    progressBytesMax: settings.resultBytesMax,
    keepsSucceeded: settings.retention.succeededMs > 0,
    sessions: new AttemptSessionMaker({
      book,
      store,
      providers: settings.sessions,
      worker: () => around.worker().incarnation,
    }),
    journal: () => around.worker().journal,
    incarnation: () => around.worker().incarnation ?? 0,
    hungry: () => around.worker().hungry(),
    releasing: () => around.worker().look(),
    recorded: ({ outcome, task }) => {
      if (outcome.move === 'retry') around.worker().expect(outcome.dueAt)
      around.worker().ended(task.id)
      waiters.notify(task.id)
    },
    awaited: (id) => waiters.has(id),
    storeFile: () => store.file,
    additions: () => around.desk(),
    joined: (joined) => around.worker().joined(joined),
  })
}
