import { deferringRequest } from './deferrals.ts'
import { runningDefinition } from './engine/task-context.ts'
import { currentScope } from './http/current.ts'

/**
 * Whose code runs at this moment, for messages: a task, a deferred function, a request, what a request has left running, or
 * none of them. The async context tells it, so it holds behind every `await`, timer and listener.
 */
export function runningNow(): string {
  // Before the task: a task may defer something, while no task runs in a context of deferred functions.
  const deferring = deferringRequest()
  if (deferring !== undefined) return `a function deferred by ${deferring.name}`
  const definition = runningDefinition()
  if (definition !== undefined) return `task "${definition.name}"`
  const scope = currentScope()
  if (scope === undefined) return 'code outside of any request or task'
  return scope.isAnswered ? `code that ${scope.name} left running (a timer, a stream, a callback)` : scope.name
}
