/**
 * Background tasks that run after the response and are never lost.
 *
 * ```ts
 * import { createBackground, defineTask } from 'afterword'
 * import { fastifyTasks } from 'afterword/fastify'
 *
 * const sendWelcome = defineTask({ name: 'send-welcome', run: async (user: { id: string }) => mail(user.id) })
 * const background = createBackground({ store: 'sqlite:./data/tasks.db', tasks: [sendWelcome] })
 * await app.register(fastifyTasks, { background })
 * app.post('/signup', async (request) => {
 *   request.tasks.add(sendWelcome, { id: '42' }) // stored before the answer leaves, run after it
 *   return { ok: true }
 * })
 * ```
 */

// Define tasks, create the background.
export { defineTask } from './define-task.ts'
export type { AddArguments, InputOf, ResultOf } from './model/add-arguments.ts'
export type { TaskOptions } from './define-task.ts'
export { Background, createBackground } from './background.ts'
export type { BackgroundOptions, StopOptions } from './background-options.ts'
export type { SignalOptions } from './signals.ts'

// Add tasks to a response.
export { BackgroundTasks } from './background-tasks.ts'
export type { TaskHandle, TaskReference } from './model/task-handle.ts'
export { currentTasks } from './current-tasks.ts'
export type { AddOptions } from './model/add-options.ts'
export type { ResponseScope } from './response-scope.ts'
export type { NodeResponse } from './http/gate.ts'
export type { Storable } from './model/storable.ts'

// Inside a task.
export { giveUp, retryAfter } from './model/thrown-outcome.ts'
export type { GiveUp, GiveUpOptions, RetryAfter, RetryAfterOptions } from './model/thrown-outcome.ts'
export type { AbortReason, AnyTaskDefinition, RetryPolicy, TaskContext, TaskDefinition } from './model/definition.ts'
export type { RetryOptions } from './model/retry-options.ts'
export type { Logger } from './model/logger.ts'

// Database sessions, and what it takes to write a provider of your own.
export type * from './model/register.ts'
export type {
  HandleOf,
  OpenSession,
  SessionProvider,
  SessionProviders,
  SessionSql,
  Sessions,
  SqlRow,
  SqlValue,
} from './model/session.ts'

// Is it well?
export { healthAnswer, healthHandler } from './health-handler.ts'
export type { HealthAnswer, HealthRequest, HealthResponse } from './health-handler.ts'
export type { Health, HealthReason, QueueHealth, Readiness } from './health.ts'

// Look at what happened.
export { AfterwordError, isAfterwordError } from './model/errors.ts'
export type { ErrorCode } from './model/errors.ts'
export type { Explanation } from './engine/explain.ts'
export type { Block, BlockCount, Culprit } from './model/block.ts'
export type { AttemptEnd, AttemptFacts, BackgroundEvents, EventName, StopAccount, TaskFacts } from './model/events.ts'
export type { TaskView } from './task-view.ts'
export type { ListFilter, ListOptions } from './model/list-options.ts'
export type { TaskPage } from './task-page.ts'
export type { ResultOptions } from './result.ts'
export type { WorkerView } from './worker-view.ts'
export type { TaskState } from './model/task-state.ts'
export type { Duration } from './model/duration.ts'
export type { Durability, OnStatus, StoredError, TaskId } from './model/task.ts'

// For those who write a store of their own.
export type { Store } from './ports/store.ts'
